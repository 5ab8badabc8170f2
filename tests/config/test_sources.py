"""The code of a plugin is found without running it, and every change of it is seen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kdrun.config.sources import file_of, kdrun_code, plugin_code

FILES = {
    "__init__.py": "",
    "net.py": "from . import parts\nimport torch\nraise SystemExit\n",
    "parts.py": "def bias():\n    from mine.deep.below import BIAS\n    return BIAS\n",
    "unused.py": "",
    "deep/__init__.py": "",
    "deep/below.py": "from ..more import A\nfrom .. import net\nBIAS = A\n",
    "more.py": "A = 1\n",
}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose modules import each other, one of them only when it is called."""
    package = tmp_path / "mine"
    for name, text in FILES.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return package


def test_a_plugin_is_its_module_and_whatever_of_it_that_imports(mine: Path) -> None:
    found = plugin_code(["mine.net.Own", "torch.nn.Linear"], ["mine"])
    reached = {"mine", "mine.net", "mine.parts", "mine.deep", "mine.deep.below", "mine.more"}
    assert {*found} == reached
    assert not any(name.partition(".")[0] == "mine" for name in sys.modules)
    assert plugin_code(["mine.net.Own"], []) == {}
    assert {*plugin_code(["mine.more.A"], ["mine"])} == {"mine", "mine.more"}


@pytest.mark.parametrize(("name", "part"), [("more.py", True), ("unused.py", False)])
def test_a_change_of_what_is_reached_is_another_plugin(mine: Path, name: str, part: bool) -> None:
    before = plugin_code(["mine.net.Own"], ["mine"])
    (mine / name).write_text("A = 2\n")
    assert (plugin_code(["mine.net.Own"], ["mine"]) != before) is part


def test_a_module_that_is_no_python_still_counts_by_its_bytes(mine: Path) -> None:
    (mine / "more.py").write_bytes(b"def (\xff")
    found = plugin_code(["mine.more.A"], ["mine"])
    assert len(found["mine.more"]) == 64


def test_what_lies_in_the_working_folder_is_found_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside_me.py").write_text("")
    assert file_of("beside_me") is None
    monkeypatch.chdir(tmp_path)
    assert file_of("beside_me") == tmp_path / "beside_me.py"


def test_only_a_module_with_a_source_has_a_file(mine: Path) -> None:
    assert file_of("mine") == mine / "__init__.py"
    assert file_of("mine.deep") == mine / "deep" / "__init__.py"
    assert file_of("mine.net") == mine / "net.py"
    for name in ("mine.net.Own", "mine.gone", "sys", "no_such_module"):
        assert file_of(name) is None


def test_our_own_code_has_one_digest() -> None:
    assert len(kdrun_code()) == 64
    assert kdrun_code() == kdrun_code()
