"""A path to nothing is told at once, and a name on the hub is left to the hub."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from kdrun.hub import library, require


@pytest.mark.parametrize("name", ["bert-base-uncased", "somebody/bert", "gone"])
def test_what_may_be_a_name_on_the_hub_is_not_looked_for(name: str) -> None:
    require("teacher.model.name", name, "config.json")


def test_a_folder_is_enough_and_a_path_to_none_is_told_with_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "bert_tiny").mkdir()
    (tmp_path / "bert_tiny.json").touch()
    require("teacher.model.name", str(tmp_path / "bert_tiny"), "config.json")
    told = r"teacher\.model\.name=.*bert_tiyn: there is no such folder with a config\.json in it; "
    with pytest.raises(ValueError, match=told + r"did you mean 'bert_tiny'\?"):
        require("teacher.model.name", str(tmp_path / "bert_tiyn"), "config.json")


@pytest.mark.parametrize("name", ["./gone", "~/gone", "a/b/c", "../gone"])
def test_what_can_only_be_a_path_is_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(ValueError, match=f"key={name}: there is no such folder with a f in it"):
        require("key", name, "f")


def test_the_library_is_the_module_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ModuleType("transformers")
    monkeypatch.setitem(sys.modules, "transformers", found)
    assert library() is found


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match=r"pip install 'kdrun\[text\]'"):
        library()
