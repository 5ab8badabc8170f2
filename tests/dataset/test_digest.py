"""Digits that change with the data, and with nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from kdrun.dataset.digest import digest, digests, inputs_digest, numbers
from kdrun.dataset.image_folder import image_folder
from kdrun.types import Arrays, Files

X = torch.arange(12, dtype=torch.float32).view(4, 3)
Y = torch.tensor([0, 1, 0, 1])


def changed(tensor: Tensor) -> Tensor:
    other = tensor.clone()
    other[-1] += 1
    return other


def test_a_split_is_its_numbers_and_its_labels_whatever_it_is_called() -> None:
    own = digest(Arrays(X, Y))
    assert len(own) == 8
    assert digest(Arrays(X.clone(), Y, ids=list("abcd"), groups=Y)) == own
    assert digest(Arrays(X.T.contiguous().T, Y)) == own  # however it lies in memory
    for other in (Arrays(changed(X), Y), Arrays(X, changed(Y)), Arrays(X[:3], Y[:3])):
        assert digest(other) != own


def test_inputs_are_told_apart_by_numbers_shape_type_and_name() -> None:
    own = inputs_digest(Arrays(X, Y))
    assert inputs_digest(Arrays(X, changed(Y))) == own  # whatever is said of them
    others = (X.view(4, 3, 1), X.view(torch.int32), changed(X), {"x": X}, {"z": X})
    found = [inputs_digest(Arrays(other, Y)) for other in others]
    assert len({own, *found}) == 6


def test_each_sample_has_digits_of_its_own_numbers() -> None:
    told = digests(Arrays(X, Y))
    assert [len(digits) for digits in told] == [16] * 4
    assert told[0] == hashlib.sha256(np.arange(3, dtype=np.float32).tobytes()).hexdigest()[:16]
    assert digests(Arrays(X.flip(0), Y)) == told[::-1]
    both = digests(Arrays({"a": X, "b": X}, Y))
    apart = digests(Arrays({"a": X, "b": changed(X)}, Y))
    assert [a == b for a, b in zip(both, apart, strict=True)] == [True, True, True, False]


def test_a_sample_is_known_by_what_it_was_read_from() -> None:
    plain = numbers(Arrays(X, Y))
    assert [f"{number:016x}" for number in plain.tolist()] == digests(Arrays(X, Y))
    marks = torch.tensor([-1, 2, 3, 4])
    assert numbers(Arrays(X, Y, marks=marks)).tolist() == [2**64 - 1, 2, 3, 4]


@pytest.mark.parametrize(
    "change",
    [
        {"image_size": 16},
        {"background": "black"},
        {"crop_pct": 0.875},
        {"interpolation": "bicubic"},
    ],
)
def test_how_files_are_read_is_part_of_what_is_read(
    tmp_path: Path, change: dict[str, object]
) -> None:
    paths = []
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(bytes([number]))
        paths.append(str(tmp_path / f"{number}.png"))
    own = Files(paths, Y[:2], 8)
    other = Files(**{"paths": paths, "targets": Y[:2], "image_size": 8, **change})  # type: ignore[arg-type]
    assert inputs_digest(own) != inputs_digest(other)
    assert digest(own) == digest(other)
    assert digests(own) == [hashlib.sha256(bytes([n])).hexdigest()[:16] for n in range(2)]


def test_pictures_swapped_between_their_names_are_another_test_split(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name, grey in (("dark", 0), ("light", 200)):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for number in range(4):
                Image.new("L", (8, 8), grey + number).save(folder / f"{number}.png")
    data = image_folder(str(tmp_path), image_size=8)
    train, test = digest(data.train), digest(data.test)
    one, other = (tmp_path / "test" / name / "0.png" for name in ("dark", "light"))
    bits = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(bits)
    data = image_folder(str(tmp_path), image_size=8)
    assert digest(data.train) == train
    assert digest(data.test) != test
