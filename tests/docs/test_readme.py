"""What README and the pages that it begins with say to type composes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from kdrun.cli import COMMANDS
from kdrun.config import register, validate
from kdrun.security import trust

ROOT = Path(__file__).parents[2]

PAGES = ("README.md", "docs/commands.md", "docs/export.md", "docs/trackers.md", "docs/transfer.md")

OWN = "my_configs"
"""Of a folder that the reader has: tests/config/test_typed_plugins.py."""


def runs() -> list[str]:
    text = "\n".join((ROOT / page).read_text() for page in PAGES)
    blocks = re.findall(r"```\w*\n(.*?)```", text, flags=re.S)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    typed = [re.sub(r"^KDRUN_DATA=\S+ ", "", line) for line in lines]
    return [
        line
        for line in dict.fromkeys(typed)
        if re.match(r"kdrun( |$)", line) and line.split()[1:2] != ["--cfg"] and OWN not in line
        and not {*line.split()[1:2]} & COMMANDS.keys()
    ]  # fmt: skip


def test_there_are_some() -> None:
    assert len(runs()) >= 8


@pytest.mark.parametrize("line", runs())
def test_it_composes(line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KDRUN_DATA", str(tmp_path))
    register.register()
    words = [word for word in shlex.split(line)[1:] if not word.startswith("-")]
    trust.begin(words)
    try:
        validate.overrides([word for word in words if not word.startswith("hydra/")])
    finally:
        trust.end()
