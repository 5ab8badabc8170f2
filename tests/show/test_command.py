"""`kdrun show`, typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from kdrun.show.command import by_turns
from kdrun.types import Arrays, Dataset


def test_pictures_go_to_a_sheet_and_texts_to_the_terminal(kdrun) -> None:
    told = kdrun("show", "dataset=digits", "augment=cifar", "--samples", "3", "--views", "2")
    assert told.status == 0, told.err
    assert "crop_padding=4, flip=True" in told.out
    with Image.open("digits.png") as image:
        assert image.width > 3 * 96
        assert image.height > 3 * 96
    Path("t.csv").write_text("text,label\n" + "good film,yes\nbad film,no\nodd plot,no\n" * 9)
    words = ("dataset=text", "dataset.path=t.csv", "dataset.val_fraction=0")
    Path("t.csv").write_text(
        "text,label\n" + "".join(f"film {n} was good,yes\nplot {n} was bad,no\n" for n in range(9))
    )
    told = kdrun("show", *words, "--samples", "2")
    assert told.status == 0, told.err
    assert "'good' " in told.out
    assert ": yes\n" in told.out


def test_mistakes_are_told(kdrun) -> None:
    for words, hint in (
        (("dataset=digitts",), "did you mean 'digits'"),
        (("dataset=digits", "--split", "tset"), "did you mean 'test'"),
        (("dataset=digits", "dataset.val_fraction=0", "--split", "val"), "has none"),
        (("dataset=digits", "--samples", "0"), "give 1 or more"),
    ):
        told = kdrun("show", *words)
        assert told.status == 2
        assert hint in told.err, told.err


def test_samples_are_of_all_classes_by_turns() -> None:
    targets = torch.from_numpy(np.array([1, 1, 0, 2, 0, 1]))
    split = Arrays(torch.zeros(6, 2), targets)
    data = Dataset(split, None, split, ["a", "b", "c"], (2,))
    assert by_turns(data, split, 4) == [2, 0, 3, 4]
    assert by_turns(data, split, 99) == [2, 0, 3, 4, 1, 5]
