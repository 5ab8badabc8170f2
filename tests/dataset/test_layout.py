"""Where tokens stand and which count, against pairs that are laid out by hand."""

from __future__ import annotations

import pytest

from kdrun.dataset.layout import Layout, completions

JOINED = Layout("joined", end=0, separator=(9,))
APART = Layout("apart", end=0, start=8)


def test_joined_only_the_completion_and_its_end_count() -> None:
    given, target = JOINED([[1, 2], [3]], [[4], [5, 6, 7]], width=7)
    assert given["input_ids"].tolist() == [[1, 2, 9, 4, 0, 0, 0], [3, 9, 5, 6, 7, 0, 0]]
    assert given["attention_mask"].tolist() == [[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0, 0]]
    assert target.tolist() == [[-1, -1, 4, 0, -1, -1, -1], [-1, 5, 6, 7, 0, -1, -1]]
    assert list(completions(target)) == [[4, 0], [5, 6, 7, 0]]


def test_apart_the_decoder_is_a_place_behind() -> None:
    given, target = APART([[1, 2], [3]], [[4], [5, 6]])
    assert given["input_ids"].tolist() == [[1, 2, 0], [3, 0, 0]]
    assert given["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert given["decoder_input_ids"].tolist() == [[8, 4, 0], [8, 5, 6]]
    assert given["decoder_attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert target.tolist() == [[4, 0, -1], [5, 6, 0]]


def test_what_is_to_be_completed_has_nothing_that_counts() -> None:
    given, target = JOINED.opened([[1, 2], [3]])
    assert given["input_ids"].tolist() == [[1, 2, 9], [3, 9, 0]]
    assert (target == -1).all()
    given, target = APART.opened([[1, 2], [3]])
    assert given["decoder_input_ids"][:, 0].tolist() == [8, 8]
    assert (target == -1).all()


def test_the_room_is_that_of_the_tensors() -> None:
    for layout in (JOINED, APART):
        given, _ = layout([[1, 2, 3]], [[4, 5, 6, 7, 1]])
        assert layout.room([1, 2, 3], [4, 5, 6, 7, 1]) == max(v.shape[1] for v in given.values())


def test_it_is_restored_from_plain_values() -> None:
    assert Layout.restore(JOINED.described) == JOINED
    for wrong in ({}, {**JOINED.described, "form": "other"}, {**JOINED.described, "end": None}):
        with pytest.raises(ValueError, match="no layout of tokens"):
            Layout.restore(wrong)
