from __future__ import annotations

import inspect
from dataclasses import fields

import pytest
import torch

from kdrun.config.instantiate import call, faults
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.digits import digits
from kdrun.dataset.fold import Fold, divide, redivide
from kdrun.dataset.npz import npz
from kdrun.dataset.split import cut
from kdrun.types import Arrays, Dataset, Split


def samples(count: int = 40, start: float = 0.0) -> Arrays:
    return Arrays(torch.arange(count)[:, None] + start, torch.arange(count) % 2)


def same(one: Split | None, other: Split | None) -> bool:
    assert isinstance(one, Arrays)
    assert isinstance(other, Arrays)
    assert isinstance(one.inputs, torch.Tensor)
    assert isinstance(other.inputs, torch.Tensor)
    return torch.equal(one.inputs, other.inputs) and one.ids == other.ids


def test_the_test_split_goes_first_then_the_validation_split() -> None:
    train, val, test = Cuts(0.25, 3, 11, 0.5).split(samples())
    rest, held = divide(samples(), 0.5, 3)
    expected, kept = cut(rest, 0.25, 3, 11)
    assert same(train, expected)
    assert same(val, kept)
    assert same(test, held)


@pytest.mark.parametrize("fold", [None, Fold(1, 4)])
def test_splits_that_come_with_the_data_stay_as_they_are(fold: Fold | None) -> None:
    official, given = samples(8, 100.0), samples(6, 200.0)
    cuts = Cuts(val_fraction=0.5, test_fraction=0.5, fold=fold)
    train, val, test = cuts.split(samples(), official, given)
    expected, held = redivide(samples(), official, 0, fold)
    assert same(train, expected)
    assert same(test, held)
    assert val is given


def test_a_source_is_not_folded_and_hidden_labels_leave_no_validation() -> None:
    cuts = Cuts(train_size=10, fold=Fold(0, 4))
    assert cuts.unfolded == Cuts(train_size=10)
    assert cuts.unvalidated == Cuts(val_fraction=0, train_size=10, fold=Fold(0, 4))


def test_the_fields_are_arguments_of_a_dataset_in_the_place_of_the_value() -> None:
    taken = inspect.signature(digits).parameters
    assert list(taken) == [field.name for field in fields(Cuts)]
    assert taken["test_fraction"].default == 0.2
    assert list(inspect.signature(npz).parameters) == [
        *("path", "labels", "val_fraction", "split_seed", "train_size", "fold")
    ]
    assert (digits.__module__, digits.__name__) == ("kdrun.dataset.digits", "digits")


def test_a_dataset_is_handed_what_was_given_and_its_own_default_of_the_rest() -> None:
    seen = []

    @with_cuts(test_fraction=0.3)
    def made(name: str, *, cuts: Cuts) -> Dataset:
        seen.append((name, cuts))
        return digits()

    made("a")
    made(name="b", split_seed=4, fold=Fold(0, 2))
    assert seen == [("a", Cuts(test_fraction=0.3)), ("b", Cuts(0.1, 4, None, 0.3, Fold(0, 2)))]
    with pytest.raises(TypeError, match="val_fractoin"):
        made("c", val_fractoin=0.2)


def test_a_config_names_them_and_is_told_what_does_not_fit() -> None:
    config = {"_target_": "kdrun.dataset.digits.digits", "val_fraction": 0, "split_seed": 1}
    assert call(config, "dataset", fold=Fold(0, 5)).val is None
    wrong = {**config, "val_fraction": "much", "train_size": 0.5, "test_fractoin": 0.1}
    assert faults(wrong, "dataset", "dataset", facts=["fold"]) == [
        "dataset.val_fraction='much' is not of type float",
        "dataset.train_size=0.5 is not of type int | None",
        "dataset: kdrun.dataset.digits.digits takes no 'test_fractoin'; "
        "did you mean 'test_fraction'?",
    ]
    given = {"_target_": "kdrun.dataset.npz.npz", "path": "a.npz", "test_fraction": 0.1}
    assert "takes no 'test_fraction'" in faults(given, "dataset", "dataset")[0]
