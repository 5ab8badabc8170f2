from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdrun.dataset.split import channel_statistics, cut, hold_out, sample_ids, subset
from kdrun.types import Arrays, Files

LABELS = st.lists(st.integers(0, 4), min_size=12, max_size=80).map(torch.tensor)


def counts(targets: torch.Tensor) -> torch.Tensor:
    return torch.bincount(targets, minlength=5)


@given(LABELS, st.floats(0.1, 0.4), st.integers(0, 5))
def test_held_out_samples_have_the_proportions_of_the_whole(
    targets: torch.Tensor, fraction: float, seed: int
) -> None:
    rest, held = hold_out(targets, fraction, seed, "val_fraction")
    assert sorted([*rest.tolist(), *held.tolist()]) == list(range(len(targets)))
    assert len(held) == round(fraction * len(targets))
    whole, part = counts(targets), counts(targets[held])
    singles = int((whole == 1).sum())  # cannot give their share, which falls to the others
    assert ((part - whole * fraction).abs() <= 1 + singles + 0.5).all()
    assert (counts(targets[rest])[whole > 0] > 0).all()


@given(LABELS, st.integers(0, 5))
def test_a_subset_holds_every_class(targets: torch.Tensor, seed: int) -> None:
    for size in range(int((counts(targets) > 0).sum()), len(targets) + 1):
        chosen = subset(targets, size, seed)
        assert len(chosen.unique()) == size
        whole = counts(targets)
        assert (counts(targets[chosen])[whole > 0] > 0).all()


def test_halves_of_even_classes_are_exact_and_seeded() -> None:
    targets = torch.arange(100) % 5
    _, first = hold_out(targets, 0.5, 0, "test_fraction")
    assert counts(targets[first]).tolist() == [10] * 5
    assert torch.equal(first, hold_out(targets, 0.5, 0, "test_fraction")[1])
    assert not torch.equal(first, hold_out(targets, 0.5, 1, "test_fraction")[1])
    assert not torch.equal(first, hold_out(targets, 0.5, 0, "val_fraction")[1])


def test_labels_sorted_by_class_are_cut_as_fairly_as_shuffled_ones() -> None:
    targets = torch.arange(5).repeat_interleave(20)
    assert counts(targets[subset(targets, 10, 0)]).tolist() == [2] * 5


def test_a_smaller_training_set_lies_in_the_larger_beside_the_same_validation() -> None:
    whole = Arrays(torch.arange(100.0)[:, None], torch.arange(100) % 5)
    cuts = [cut(whole, 0.2, 0, size) for size in (10, 40, None)]
    small, middle, full = (set(train.inputs.flatten().tolist()) for train, _ in cuts)  # type: ignore[union-attr]
    assert small < middle < full
    assert (len(small), len(middle)) == (10, 40)
    vals = [val for _, val in cuts]
    assert all(val is not None and torch.equal(val.inputs, vals[0].inputs) for val in vals)  # type: ignore[union-attr,arg-type]
    assert full.isdisjoint(vals[0].inputs.flatten().tolist())  # type: ignore[union-attr]


def test_a_class_with_one_sample_stays_in_training() -> None:
    targets = torch.tensor([0] * 10 + [1])
    rest, held = hold_out(targets, 0.5, 0, "val_fraction")
    assert 10 in rest
    assert len(held) == round(5.5)


def test_no_validation_when_none_is_wanted() -> None:
    whole = Arrays(torch.zeros(4, 1), torch.arange(4))
    assert cut(whole, 0, 0) == (whole, None)


def test_files_and_dicts_are_cut_too() -> None:
    targets = torch.arange(10) % 2
    files, _ = cut(Files([f"{i}.png" for i in range(10)], targets, 4), 0.2, 0)
    assert isinstance(files, Files)
    assert len(files.paths) == 8
    assert [int(p[0]) % 2 for p in files.paths] == files.targets.tolist()
    text, _ = cut(Arrays({"ids": torch.arange(10)}, targets), 0.2, 0)
    assert isinstance(text, Arrays)
    assert isinstance(text.inputs, dict)
    assert (text.inputs["ids"] % 2).tolist() == text.targets.tolist()


@pytest.mark.parametrize(
    ("fraction", "told"),
    [(1.0, "not a fraction"), (-0.1, "not a fraction"), (0.01, "is 0"), (0.99, "is 10")],
)
def test_impossible_fractions_are_told(fraction: float, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        cut(Arrays(torch.zeros(10, 1), torch.arange(10) % 2), fraction, 0)


@pytest.mark.parametrize("size", [0, 1, 9])
def test_impossible_sizes_are_told(size: int) -> None:
    with pytest.raises(ValueError, match=f"train_size={size} is not possible.*Give 2 to 8"):
        cut(Arrays(torch.zeros(10, 1), torch.arange(10) % 2), 0.2, 0, size)


def test_channel_statistics_are_those_of_the_float_images() -> None:
    images = torch.randint(0, 256, (7, 3, 5, 5), dtype=torch.uint8)
    images[:, 2] = 51
    mean, std = channel_statistics(Arrays(images, torch.zeros(7, dtype=torch.int64)))
    scaled = images.double() / 255
    torch.testing.assert_close(torch.tensor(mean).double(), scaled.mean((0, 2, 3)))
    expected = scaled.std((0, 2, 3), unbiased=False)
    torch.testing.assert_close(torch.tensor(std[:2]).double(), expected[:2])
    assert mean[2] == pytest.approx(0.2)
    assert std[2] == pytest.approx(1)


def test_values_of_a_regression_are_cut_by_fifths() -> None:
    values = torch.rand(100)
    _, held = hold_out(values, 0.2, 0, "fraction")
    ranks = values.argsort().argsort()[held]
    assert torch.bincount(ranks // 20, minlength=5).tolist() == [4] * 5


def test_a_sample_keeps_its_name_through_every_cut() -> None:
    targets = torch.arange(40) % 2
    train, val = cut(Arrays(torch.arange(40.0)[:, None], targets), 0.25, 3, 11)
    assert val is not None
    for part in (train, val):
        assert isinstance(part, Arrays)
        assert sample_ids(part) == [str(int(x)) for x in part.inputs.flatten()]
    named = Arrays(torch.arange(40.0)[:, None], targets, [f"p{i}" for i in range(40)])
    assert sample_ids(cut(named, 0.25, 3, 11)[0]) == [f"p{name}" for name in sample_ids(train)]
    assert sample_ids(Files(["a/cat/1.png"], targets[:1], 8)) == ["cat/1.png"]
