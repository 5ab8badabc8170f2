"""Rows find their samples by id, whatever was cut; ids that are shifted are found out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from kdrun.teacher.decisions import Table
from kdrun.teacher.matching import refuse_from_one, rows_about, rows_from_one, splits
from kdrun.types import Arrays, Dataset


def part(*ids: int, names: list[str] | None = None) -> Arrays:
    return Arrays(torch.zeros(len(ids), 1), torch.tensor(ids) % 3, names or [str(i) for i in ids])


def data(train: Arrays, val: Arrays | None = None, test: Arrays | None = None) -> Dataset:
    return Dataset(train, val, test or part(0, 1), ["a", "b", "c"], (1,))


def table(ids: list[object] | None, split: list[str] | None = None, rows: int = 0) -> Table:
    columns = {} if ids is None else {"id": np.array(ids, dtype=object)}
    if split is not None:
        columns["split"] = np.array(split, dtype=object)
    length = rows or len(ids or ())
    columns["label"] = np.array(["a"] * length, dtype=object)
    return Table(columns, None, "label", None, np.arange(1, length + 1), length)


CUT = data(part(5, 0, 2), part(3, 1))


def test_each_sample_finds_its_rows_by_name() -> None:
    about = rows_about(table([0, 1, 2, 5, 5]), CUT, whole=False)
    assert about["train"] == [[3, 4], [0], [2]]
    assert about["val"] == [[], [1]]  # cut from the same, so they share ids


def test_rows_of_a_split_are_about_that_split() -> None:
    own = table([0, 0, 3], ["train", "test", "val"])
    about = rows_about(own, CUT, whole=False)
    assert about == {"train": [[], [0], []], "val": [[2], []], "test": [[1], []]}
    with pytest.raises(ValueError, match="split is train, val or test, not 'dev'"):
        rows_about(table([0], ["dev"]), CUT, whole=False)


def test_a_validation_split_that_counts_anew_has_its_own_ids() -> None:
    apart = data(part(0, 1), part(0, 1))
    about = rows_about(table([0, 1, 0], ["train", "train", "val"]), apart, whole=False)
    assert about["val"] == [[2], []]


def test_without_ids_the_order_counts_if_nothing_was_set_aside() -> None:
    about = rows_about(table(None, rows=5), data(part(4, 0, 2), part(3, 1)), whole=True)
    assert about["train"] == [[4], [0], [2]]
    assert about["val"] == [[3], [1]]
    apart = rows_about(table(None, rows=2), data(part(0, 1), part(0, 1)), whole=True)
    assert apart["train"] == [[0], [1]]  # of samples that have ids of their own in each split
    for rows, whole, told in ((6, True, "of which there are 5"), (5, False, "some were set aside")):
        with pytest.raises(ValueError, match=f"{rows} rows have no column id.*{told}: give ids"):
            rows_about(table(None, rows=rows), CUT, whole=whole)


def test_rows_about_nobody_are_refused_only_if_everybody_is_here() -> None:
    more = table([0, 5, 2, 3, 1, 77])
    assert rows_about(more, CUT, whole=False)["train"] == [[1], [0], [2]]
    with pytest.raises(ValueError, match="1 of its 6 ids are no sample's, such as '77'"):
        rows_about(more, CUT, whole=True)
    with pytest.raises(ValueError, match=r"2 of its 2 ids are no sample's.* are called 5, 0, 2"):
        rows_about(table([70, 77]), CUT, whole=False)


def test_rows_about_rows_that_were_left_out_are_told(caplog: pytest.LogCaptureFixture) -> None:
    gaps = data(part(5, 0, 2), part(3), part(6, 7))  # of a file of eight rows
    with caplog.at_level("INFO"):
        about = rows_about(table([0, 1, 2, 3, 5]), gaps, whole=True)
    assert about["train"] == [[4], [0], [2]]
    assert about["val"] == [[3]]
    assert "the id 1 is that of a row left out when the data were read" in caplog.text
    with pytest.raises(ValueError, match="1 of its 5 ids are no sample's, such as '9'"):
        rows_about(table([0, 9, 2, 3, 5]), gaps, whole=True)


def test_if_ids_counted_from_one_each_row_were_about_the_sample_before() -> None:
    assert rows_from_one(table([1, 3, 6]), CUT) == [[2], [0], [1]]
    assert rows_from_one(table([0, 3]), CUT) is None
    assert rows_from_one(table(["x", 3]), CUT) is None
    assert rows_from_one(table(None, rows=3), CUT) is None
    named = data(part(0, 1, names=["a/0", "b/1"]))
    assert rows_from_one(table(["a/0"]), named) is None


def test_labels_tell_whether_ids_are_shifted() -> None:
    targets = torch.tensor([0, 0, 1, 0, 2, 1] * 8)
    said, count = torch.eye(3)[targets], len(targets)
    right, shifted = [[n] for n in range(count)], [[n - 1] if n else [] for n in range(count)]
    refuse_from_one(said, targets, right, shifted)
    refuse_from_one(said, targets, right, None)
    alike = sum(a == b for a, b in pairwise(targets.tolist())) / (count - 1)
    told = rf"ids seem to begin at 1.*{alike:.0%} of the training .* 100% when .* Subtract 1"
    with pytest.raises(ValueError, match=told):
        refuse_from_one(said, targets, shifted, right)
    refuse_from_one(said, torch.full_like(targets, -1), shifted, right)  # hidden: not looked at
    refuse_from_one(said[:4], targets[:4], shifted[:4], right[:4])  # too few to tell


def test_samples_of_one_name_in_a_split_are_refused_and_in_two_splits_are_not() -> None:
    twice = part(0, 1, 2, 3, 4, names=["b", "a", "a", "c", "a"])
    with pytest.raises(ValueError, match="3 samples of the test split are called 'a': decisions"):
        rows_about(table(["a"]), data(part(0), test=twice), whole=False)
    both = data(part(0, names=["a"]), test=part(0, names=["a"]))
    assert rows_about(table(["a"]), both, whole=True)["train"] == [[0]]


def test_a_split_that_is_not_there_has_no_name() -> None:
    assert list(splits(CUT)) == ["train", "val", "test"]
    assert list(splits(data(part(0)))) == ["train", "test"]
