"""Folds partition the data as scikit-learn does, and what is fitted knows nothing of them."""

from __future__ import annotations

import inspect
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from kdrun.config.instantiate import locate
from kdrun.dataset.digits import digits
from kdrun.dataset.domains import rows
from kdrun.dataset.fold import Fold, divide, fold_of
from kdrun.dataset.npz import npz
from kdrun.dataset.split import cut, sample_ids
from kdrun.dataset.table import table
from kdrun.dataset.text import text
from kdrun.types import Arrays
from tests.dataset.test_configs import YAMLS, arguments


def samples(targets: torch.Tensor, groups: torch.Tensor | None = None) -> Arrays:
    return Arrays(torch.arange(float(len(targets)))[:, None], targets, groups=groups)


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 90), st.integers(2, 5), st.integers(0, 9))
def test_folds_partition_the_data_with_the_shares_of_the_whole(
    size: int, count: int, seed: int
) -> None:
    targets = torch.arange(size) % 3
    whole = samples(targets)
    tested = []
    for number in range(count):
        rest, held = fold_of(whole, seed, Fold(number, count))
        assert sorted([*rest.tolist(), *held.tolist()]) == list(range(size))
        share = torch.bincount(targets[held], minlength=3) - torch.bincount(targets) / count
        assert share.abs().max() <= 1
        tested += held.tolist()
    assert sorted(tested) == list(range(size))


def test_they_are_those_of_scikit_learn_and_of_the_seed_alone() -> None:
    targets = torch.tensor(np.random.default_rng(0).integers(0, 4, 100))
    for seed in (0, 1):
        own = StratifiedKFold(5, shuffle=True, random_state=seed).split(targets, targets)
        for number, (rest, held) in enumerate(own):
            ours = fold_of(samples(targets), seed, Fold(number, 5))
            assert (ours[0].tolist(), ours[1].tolist()) == (rest.tolist(), held.tolist())
    first = [fold_of(samples(targets), seed, Fold(0, 5))[1] for seed in (0, 0, 1)]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])


def test_no_group_is_on_both_sides_of_a_fold_or_of_the_validation_split() -> None:
    random = np.random.default_rng(0)
    groups = torch.tensor(random.integers(0, 25, 200))
    targets = (groups % 3 == 0).long()
    own = StratifiedGroupKFold(4, shuffle=True, random_state=0).split(targets, targets, groups)
    for number, (rest, held) in enumerate(own):
        train, test = divide(samples(targets, groups), 0, 0, Fold(number, 4))
        assert sample_ids(test) == [str(i) for i in held]
        assert sample_ids(train) == [str(i) for i in rest]
        train, val = cut(train, 0.2, 0)
        assert val is not None
        sides = [set(part.groups.tolist()) for part in (train, val, test)]  # type: ignore[union-attr]
        assert all(sides)
        assert not sides[0] & sides[1]
        assert not (sides[0] | sides[1]) & sides[2]
    train, test = divide(samples(targets, groups), 0.25, 0)
    assert not set(train.groups.tolist()) & set(test.groups.tolist())  # type: ignore[union-attr]
    assert 30 < len(test) < 70


def test_values_are_folded_by_fifths() -> None:
    values = torch.linspace(0, 1, 50)
    for number in range(5):
        held = fold_of(samples(values), 0, Fold(number, 5))[1]
        assert torch.bincount((held // 10), minlength=5).tolist() == [2] * 5


@pytest.mark.parametrize(
    ("targets", "groups", "told"),
    [
        ([0] * 10 + [1] * 3, None, "of fold 3 holds one class only; the rarest of the 2 classes"),
        ([0, 1] * 4, None, "no class has so many samples"),
        ([0, 1], None, "there are 2 samples; give fewer folds"),
        ([0, 1] * 6, [0, 1, 2] * 4, "there are 3 groups; give fewer folds"),
        ([0] * 8 + [1] * 8, [0] * 4 + [1] * 4 + [2] * 4 + [3] * 2 + [4] * 2, "holds one class"),
    ],
)
def test_folds_with_nothing_to_tell_apart_are_refused_whichever_is_asked_for(
    targets: list[int], groups: list[int] | None, told: str
) -> None:
    whole = samples(torch.tensor(targets), None if groups is None else torch.tensor(groups))
    for number in (0, 4):
        with pytest.raises(ValueError, match=told):
            fold_of(whole, 1, Fold(number, 5))


def test_a_class_that_some_folds_lack_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        fold_of(samples(torch.tensor([0, 1] * 10 + [2] * 3)), 0, Fold(0, 5))
    assert "2 of 5 folds lack a class" in caplog.text


def test_the_official_test_split_is_not_mixed_in(tmp_path: Path) -> None:
    path = str(tmp_path / "d.npz")
    x = np.arange(60, dtype=np.float32)[:, None]
    arrays = {"x_train": x, "y_train": np.arange(60) % 2, "x_test": x + 1000, "y_test": x[:, 0] > 3}
    np.savez(path, **arrays)
    tested: list[float] = []
    for number in range(3):
        data = npz(path, fold=Fold(number, 3))
        assert data.val is not None
        seen = [set(rows(part).flatten().tolist()) for part in (data.train, data.val, data.test)]
        assert set().union(*seen) == set(range(60))
        tested += seen[2]
    assert sorted(tested) == list(range(60))
    np.savez(path, **arrays, groups_train=np.arange(60) // 6)
    data = npz(path, fold=Fold(0, 5))
    assert len(data.test.groups.unique()) == 2  # type: ignore[union-attr]


def test_words_scales_and_fillings_are_of_the_training_part(tmp_path: Path) -> None:
    lines = [{"text": f"always word{i}", "label": "ab"[i % 2], "who": i // 4} for i in range(40)]
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    for number in range(4):
        data = text(str(path), val_fraction=0, fold=Fold(number, 4))
        assert data.shape == (1 + 2 * len(data.train),)  # `always`, and two of each own text
        # Of a text that was not trained on only one word is known.
        assert ((rows(data.test) != 0).sum(1) == 1).all()
        by_author = text(str(path), group_column="who", val_fraction=0, fold=Fold(number, 4))
        assert len(by_author.test) % 4 == 0
    (tmp_path / "t.csv").write_text("a,b,who\n" + "".join(f"{i},{i % 2},{i}\n" for i in range(30)))
    options = {"group": "who", "val_fraction": 0, "keep": ["a"]}
    data = table(str(tmp_path / "t.csv"), "b", fold=Fold(1, 3), **options)  # type: ignore[arg-type]
    assert data.columns == ("a",)
    assert rows(data.train).mean() == pytest.approx(0, abs=1e-6)
    assert abs(rows(data.test).mean()) > 1e-3


def test_a_group_that_is_missing_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,who\n1,x,p\n2,y,\n3,x,q\n4,y,q\n")
    with pytest.raises(ValueError, match="the group of row 2 is empty"):
        table(str(tmp_path / "t.csv"), "b", group="who")


def test_without_a_fold_nothing_has_changed() -> None:
    data = digits()
    assert len(data.test) == 359
    assert len(digits(fold=Fold(2, 5)).test) == 359


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_every_dataset_can_be_folded(path: Path) -> None:
    assert "fold" in inspect.signature(locate(arguments(path)["_target_"], "dataset")).parameters
