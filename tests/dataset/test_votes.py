"""Votes on a text: a distribution to learn from, one label to be tested on, and never both."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from kdrun.dataset.domains import rows
from kdrun.dataset.text import text
from kdrun.dataset.votes import votes


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Sixty texts with three votes each; the first is against the others in every third."""
    lines = ["text,label,author"]
    for vote in range(3):
        for n in range(60):
            label = "ab"[n % 2 ^ (vote == 0 and n % 3 == 0)]
            lines.append(f"{('good', 'bad')[n % 2]} word{n},{label},{n // 4 + 100 * vote}")
    (tmp_path / "votes.csv").write_text("\n".join(lines))
    return str(tmp_path / "votes.csv")


def test_the_first_of_those_whom_most_follow_speaks() -> None:
    found = votes(pd.Series([0, 1, 0, 0, 1, 2]), pd.Series(["a", "b", "c", "c", "a", "z"]))
    assert found.speaks.tolist() == [False, True, True, False, False, True]
    assert found.once(torch.tensor([3, 2, 5, 1])).tolist() == [3, 5, 1]
    assert found.together(torch.tensor([7, 8, 9, 9, 9, 5])).tolist() == [7, 8, 7, 7, 8, 5]


@pytest.mark.parametrize("group", [None, "author"])
def test_each_vote_is_learnt_from_and_each_text_tested_once(path: str, group: str | None) -> None:
    data = text(path, repeated="distribution", group_column=group)
    assert data.val is not None
    told = {
        name: {int(n) % 60 for n in split.ids or ()}
        for name, split in (("train", data.train), ("val", data.val), ("test", data.test))
    }
    assert not told["train"] & (told["test"] | told["val"])
    assert set.union(*told.values()) == set(range(60))
    assert len(data.train) == 3 * len(told["train"])
    for split in (data.val, data.test):
        assert len(split) == len({int(n) % 60 for n in split.ids or ()})
        assert split.targets.tolist() == [int(n) % 2 for n in split.ids or ()]  # as most have it


def test_training_targets_are_the_votes_and_words_count_once(path: str) -> None:
    data = text(path, repeated="distribution", val_fraction=0)
    by_text: dict[int, list[int]] = {}
    for name, target in zip(data.train.ids or (), data.train.targets.tolist(), strict=True):
        by_text.setdefault(int(name) % 60, []).append(target)
    wrong = {n: sum(t != n % 2 for t in found) for n, found in by_text.items()}
    assert wrong == {n: int(n % 3 == 0) for n in by_text}
    first = text(path, val_fraction=0)
    assert {len(first.train), len(first.test)} == {48, 12}
    assert rows(data.train).shape[1] > 0


def test_another_word_is_refused_with_the_nearest(path: str) -> None:
    with pytest.raises(ValueError, match="repeated=distributon is not defined; did you mean"):
        text(path, repeated="distributon")  # type: ignore[arg-type]
