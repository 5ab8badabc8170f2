"""Text in pieces: nothing twice, nothing across parts, nothing lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.dataset.lines import lines
from kdrun.types import Arrays, Dataset

pytest.importorskip("tokenizers")

STORY = "".join(f"line {n} of a story that goes on, {n * n}.\n" for n in range(400))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lines") / "story.txt"
    path.write_text(STORY)
    return path


def read(file: Path, **settings: Any) -> Dataset:
    return lines(str(file), **{"length": 16, "vocabulary": 300, **settings})


def parts(data: Dataset) -> dict[str, Arrays]:
    found = {"train": data.train, "val": data.val, "test": data.test}
    assert all(isinstance(part, Arrays) for part in found.values() if part is not None)
    return {name: part for name, part in found.items() if isinstance(part, Arrays)}


def test_each_target_is_the_token_after(file: Path) -> None:
    data = read(file)
    assert data.task.name == "generation"
    assert data.shape == {"input_ids": (16,), "attention_mask": (16,)}
    for split in parts(data).values():
        ids, target = split.inputs["input_ids"], split.targets  # type: ignore[index]
        assert ids.shape == target.shape == (len(split), 16)
        assert torch.equal(ids[:-1].flatten()[1:], target[:-1].flatten()[:-1])
        assert (target[:-1] >= 0).all()
        assert int(target.max()) < data.task.width <= 300


def test_the_parts_are_the_whole_text(file: Path) -> None:
    data = read(file, vocabulary=257)  # bytes alone: a token is a letter
    counts = {name: int((split.targets >= 0).sum()) for name, split in parts(data).items()}
    assert sum(counts.values()) == len(STORY)
    assert counts["test"] == pytest.approx(0.1 * len(STORY), abs=2)
    assert counts["val"] == pytest.approx(0.09 * len(STORY), abs=2)


def test_documents_stay_whole(tmp_path: Path) -> None:
    file = tmp_path / "documents.txt"
    file.write_text("\n\n".join(f"{chr(65 + n)}" * 100 for n in range(26)))
    data = read(file, vocabulary=257, document="\n\n", length=40)
    letters = {
        name: set(split.inputs["input_ids"][split.inputs["attention_mask"] > 0].tolist())  # type: ignore[index]
        for name, split in parts(data).items()
    }
    assert not letters["train"] & letters["test"]
    assert not letters["train"] & letters["val"]
    assert sum(map(len, letters.values())) == 26


def test_the_same_file_gives_the_same_tokens(file: Path) -> None:
    first, second = read(file), read(file)
    assert torch.equal(first.train.targets, second.train.targets)
    some = read(file, train_size=20)
    assert len(some.train) == 20
    assert torch.equal(some.test.targets, first.test.targets)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"length": 1}, "2 tokens or more"),
        ({"vocabulary": 100}, "257 or more"),
        ({"length": 10_000}, "pieces of 10000 tokens"),
        ({"test_fraction": 0.0}, "test_fraction=0.0 is not a fraction"),
        ({"tokenizer": "./nowhere"}, "no such folder"),
    ],
)
def test_mistakes_are_told(file: Path, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read(file, **settings)


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("  \n ")
    with pytest.raises(ValueError, match="holds no text"):
        read(tmp_path / "empty.txt")
