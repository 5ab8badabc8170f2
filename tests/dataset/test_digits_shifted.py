from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kdrun.dataset.digits import read_digits
from kdrun.dataset.digits_shifted import SHIFTS, digits_shifted
from kdrun.types import Arrays, Split


def images(split: Split | None) -> Tensor:
    assert isinstance(split, Arrays)
    assert isinstance(split.inputs, Tensor)
    return split.inputs


def every(*splits: Split | None) -> list[list[int]]:
    return sorted(torch.cat([images(split) for split in splits if split]).flatten(1).tolist())


def test_the_two_domains_share_no_sample_and_leave_none_out() -> None:
    # Of the same kind, so that the images can be compared: a source may not be its own target.
    data = digits_shifted(source="inverted", target="plain", val_fraction=0)
    assert data.source is not None
    turned = [255 - images(split) for split in (data.source.train, data.source.test)]
    here = [images(split) for split in (data.train, data.test)]
    assert sorted(torch.cat([*turned, *here]).flatten(1).tolist()) == every(read_digits())


def test_the_target_is_the_same_with_and_without_a_source() -> None:
    alone, beside = digits_shifted(source=None), digits_shifted(source="faint")
    assert alone.source is None
    assert torch.equal(images(alone.train), images(beside.train))
    assert torch.equal(images(alone.test), images(beside.test))
    assert alone.domain == beside.domain == "scanned"
    assert beside.source is not None
    assert beside.source.domain == "faint"


def test_pixels_of_both_domains_are_normalised_as_the_source_has_them() -> None:
    data = digits_shifted(target="faint")
    assert data.source is not None
    scaled = images(data.source.train).double() / 255
    assert data.mean[0] == data.source.mean[0] == pytest.approx(float(scaled.mean()))
    assert data.std == data.source.std


@pytest.mark.parametrize("name", SHIFTS)
def test_a_shift_keeps_images_images(name: str) -> None:
    plain = torch.rand(7, 1, 8, 8)
    shifted = SHIFTS[name](plain)
    assert shifted.shape == plain.shape
    assert 0 <= float(shifted.min()) <= float(shifted.max()) <= 1
    assert torch.equal(shifted, SHIFTS[name](plain))


def test_rotation_by_a_right_angle_moves_every_pixel_to_its_place() -> None:
    plain = torch.rand(2, 1, 8, 8)
    turned = SHIFTS["rotated"](plain, 90.0)  # type: ignore[operator]
    assert torch.allclose(turned, plain.rot90(1, (2, 3)), atol=1e-5)
