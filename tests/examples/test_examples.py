"""Every line of every script of examples/, on tiny data, in this process."""

from __future__ import annotations

import glob
import re
import runpy
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
JOBS = sorted(path.parent.name for path in EXAMPLES.glob("*/run.sh"))

TINY = {
    **{"EPOCHS": "1", "COUNT": "8", "ROWS": "60", "SEEDS": "0,1"},
    **{"WIDTH": "8"},
    **{"STUDENT": "fpn_mobilenetv3_small", "TEACHER": "fpn_mobilenetv3_small"},
}

LEAVES = {
    "photos": ["sheet.png", "predictions.csv", "student.safetensors"],
    "table": ["predictions.csv", "outputs/table/*/evaluations.csv"],
    "texts": ["predictions.csv"],
    "language": ["predictions.csv", "student/model.safetensors"],
    "domains": ["outputs/domains/*/evaluations.csv"],
    "checkpoint": ["outputs/checkpoint/*/student.safetensors"],
    "own_parts": ["outputs/own_parts/*/student.safetensors"],
    "sweep": ["report.html"],
    "masks": ["sheet.png", "predictions/0.png*"],
}
"""What each job is for."""


def commands(script: str) -> Iterator[list[str]]:
    """The words of each command, with the variables as the shell would have them."""
    known: dict[str, str] = {}

    for line in script.replace("\\\n", " ").splitlines():
        line = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda f: TINY.get(f[1], f[2]), line)
        line = re.sub(r"\$([A-Z]+)", lambda f: known[f[1]], line)
        words = shlex.split(line, comments=True)
        if len(words) == 1 and (found := re.fullmatch(r"([A-Z]+)=(.*)", words[0])):
            known[found[1]] = found[2]
        elif words and words[0] in ("kdrun", "python"):
            yield words
        else:
            assert not words or words[0] in ("set", "cd"), line


def globbed(word: str) -> list[str]:
    return (sorted(glob.glob(word)) or [word]) if "*" in word else [word]


def test_each_leaves_something_and_the_page_names_it() -> None:
    assert sorted(LEAVES) == JOBS
    page = (EXAMPLES / "README.md").read_text()
    assert [name for name in JOBS if f"[{name}]({name})" not in page] == []
    assert [name for name in JOBS if not (EXAMPLES / name / "README.md").is_file()] == []


@pytest.mark.parametrize("job", JOBS)
def test_every_line_of_the_script_works(
    kdrun, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(EXAMPLES / job, tmp_path / job)
    monkeypatch.chdir(tmp_path / job)
    monkeypatch.syspath_prepend(str(tmp_path / job))
    before = set(sys.modules)
    for name, *words in commands(Path("run.sh").read_text()):
        words = [one for word in words for one in globbed(word)]
        if name == "python":
            monkeypatch.setattr(sys, "argv", words)
            runpy.run_path(words[0], run_name="__main__")
            continue
        own = ["train.progress=false"] if any("train.epochs" in w for w in words) else []
        if "dataset=image_folder" in words and own:
            own.append("dataset.workers=0")
        told = kdrun(*words, *own)
        assert told.status == 0, f"{' '.join(words)}\n{told.out}\n{told.err}"
    assert [mark for mark in LEAVES[job] if not glob.glob(mark)] == []
    for module in set(sys.modules) - before:
        if module in ("digit_net", "rings"):
            del sys.modules[module]
