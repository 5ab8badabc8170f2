"""Pieces of documents that were read elsewhere: what `lines` and `stdlib` share."""

from __future__ import annotations

import pytest
import torch

from kdrun.dataset.cuts import Cuts
from kdrun.dataset.fold import Fold
from kdrun.dataset.pieces import divided, pieces

pytest.importorskip("tokenizers")

CUTS = Cuts(val_fraction=0.25, test_fraction=0.2)


def test_documents_are_divided_by_their_letters() -> None:
    found = divided(["a" * 60, " \n", "b" * 20, "c" * 10, "d" * 10], CUTS, "here")
    assert found == {"train": ["a" * 60], "val": ["b" * 20], "test": ["c" * 10, "d" * 10]}
    assert "val" not in divided(["a" * 80, "b" * 20], Cuts(val_fraction=0), "here")


def test_a_single_document_is_cut() -> None:
    found = divided(["abcdefghij"], CUTS, "here")
    assert found == {"train": ["abcdef"], "val": ["gh"], "test": ["ij"]}


def test_a_short_piece_is_filled_up_and_does_not_count_there() -> None:
    texts = {"train": ["abcde", "fg"], "test": ["hijk", "lmno"]}
    train = pieces(texts, 4, 257, None, CUTS, "here").train
    mask = train.inputs["attention_mask"]  # type: ignore[union-attr, index]
    assert mask.tolist() == [[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]]
    assert torch.equal(train.targets >= 0, mask > 0)


def test_folds_are_refused() -> None:
    with pytest.raises(ValueError, match="has no folds"):
        pieces({"train": ["ab"]}, 4, 257, None, Cuts(fold=Fold(5, 0)), "here")
