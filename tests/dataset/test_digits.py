from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from kdrun.dataset.digits import digits
from kdrun.types import Arrays, Split


def images(split: Split | None) -> Tensor:
    assert isinstance(split, Arrays)
    assert isinstance(split.inputs, Tensor)
    return split.inputs


def test_every_image_is_in_one_split() -> None:
    data = digits()
    parts = [images(part) for part in (data.train, data.val, data.test)]
    assert [len(part) for part in parts] == [1294, 144, 359]
    found = torch.cat(parts).view(1797, 64)
    expected = torch.from_numpy(np.rint(load_digits().data * 255 / 16)).to(torch.uint8)
    assert sorted(found.tolist()) == sorted(expected.tolist())
    assert data.shape == (1, 8, 8)
    assert len(data.classes) == 10


def test_every_class_has_its_share_of_the_test_split() -> None:
    whole = torch.bincount(torch.from_numpy(load_digits().target))
    assert (torch.bincount(digits().test.targets) - 0.2 * whole).abs().max() <= 1


def test_the_test_split_depends_on_split_seed_alone() -> None:
    first = images(digits().test)
    assert torch.equal(first, images(digits(val_fraction=0, train_size=50).test))
    assert not torch.equal(first, images(digits(split_seed=1).test))


def test_mean_and_deviation_are_those_of_the_training_images() -> None:
    data = digits(train_size=100)
    scaled = images(data.train).double() / 255
    assert data.mean[0] == pytest.approx(float(scaled.mean()))
    assert data.std[0] == pytest.approx(float(scaled.std(unbiased=False)))


def test_no_test_split_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="test_fraction=0 is not a fraction"):
        digits(test_fraction=0)
