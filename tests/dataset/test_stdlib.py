"""The standard library as a corpus: whole modules, each in one part, the same every time."""

from __future__ import annotations

import platform
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.dataset.stdlib import stdlib
from kdrun.types import Dataset

pytest.importorskip("tokenizers")


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """26 modules, each of one letter, and what is no part of the corpus."""
    for number in range(26):
        name = f"deep/{number}.py" if number % 2 else f"{number}.py"
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(chr(65 + number) * 100)
    for beside in ("test/test_it.py", "site-packages/torch.py", "deep/tests/more.py"):
        (tmp_path / beside).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / beside).write_text("0" * 100)
    (tmp_path / "empty.py").write_text("\n")
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    return tmp_path


def read(**settings: Any) -> Dataset:
    given: dict[str, Any] = {
        "length": 40,
        "vocabulary": 257,
        "version": platform.python_version(),
        **settings,
    }
    return stdlib(**given)


def letters(data: Dataset) -> list[set[int]]:
    return [
        set(split.inputs["input_ids"][split.inputs["attention_mask"] > 0].tolist())  # type: ignore[union-attr, index]
        for split in (data.train, data.val, data.test)
    ]


def test_a_module_lies_in_one_part_and_what_is_beside_in_none(library: Path) -> None:
    data = read()
    train, val, test = letters(data)
    assert (len(train), len(val), len(test)) == (22, 2, 2)
    assert len(train | val | test) == 26
    assert "26 modules, SHA-256" in data.notes[0]


def test_the_seed_decides_which_and_nothing_else(library: Path) -> None:
    first, second, other = read(), read(), read(split_seed=1)
    assert torch.equal(first.train.targets, second.train.targets)
    assert letters(first) == letters(second) != letters(other)
    assert sum(map(len, letters(read(documents=20)))) == 20


def test_what_the_corpus_holds_is_told_by_digits(library: Path) -> None:
    before = read().notes[0]
    (library / "0.py").write_text("a" * 100)
    assert read().notes[0] != before


def test_mistakes_are_told(library: Path) -> None:
    with pytest.raises(ValueError, match=r"dataset.version=2.7: .* run kdrun with Python 2.7"):
        read(version="2.7")
    with pytest.raises(ValueError, match="3 or more"):
        read(documents=2)
    for file in library.rglob("*.py"):
        file.unlink()
    with pytest.raises(FileNotFoundError, match="without its library"):
        read()
