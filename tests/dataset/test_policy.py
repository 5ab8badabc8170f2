"""The fourteen operations of RandAugment and TrivialAugment, against torchvision's."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms import InterpolationMode, RandAugment, TrivialAugmentWide
from torchvision.transforms.autoaugment import _apply_op

from kdrun.dataset import policy
from kdrun.dataset.policy import OPERATIONS

SIZE = (24, 20)
BYTES = torch.randint(0, 200, (6, 3, *SIZE), generator=torch.Generator().manual_seed(0)).byte()
THEIRS = {
    **{name: name.title() for name in OPERATIONS},
    **{"shear_x": "ShearX", "shear_y": "ShearY", "autocontrast": "AutoContrast"},
    **{"translate_x": "TranslateX", "translate_y": "TranslateY"},
}


def space(which: policy.Policy) -> dict[str, tuple[torch.Tensor, bool]]:
    if which == "trivial":
        return TrivialAugmentWide()._augmentation_space(31)
    return RandAugment()._augmentation_space(31, SIZE)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("which", ["rand", "trivial"])
def test_an_operation_is_torchvisions(name: str, which: policy.Policy) -> None:
    levels = torch.tensor([0, 3, 9, 17, 25, 30]).double()
    signs = torch.tensor([True, False, True, False, True, False])
    place = torch.full((6,), OPERATIONS.index(name))
    found = policy.operated(BYTES.float() / 255, place, levels, signs, which) * 255
    table, signed = space(which)[THEIRS[name]]
    assert signed == (name in policy.SIGNED)
    for image, made, level, sign in zip(BYTES, found, levels.long(), signs, strict=True):
        strength = float(table[level]) if table.ndim else 0.0
        strength = -strength if signed and not sign else strength
        arguments = (THEIRS[name], strength, InterpolationMode.NEAREST, None)
        if name in OPERATIONS[6:10]:  # of bytes it would cut off what is below one
            expected = _apply_op(image / 255, *arguments) * 255
        else:
            expected = _apply_op(image, *arguments).float()
        if name in ("shear_x", "shear_y", "rotate"):  # ties between pixels go either way
            assert ((made - expected).abs() < 0.5).float().mean() > 0.97
        else:
            most = 1.01 if name in ("autocontrast", "equalize") else 0.01
            assert (made - expected).abs().max() <= most, (level, sign)


def test_each_operation_is_as_likely_and_trivial_has_every_level() -> None:
    index = torch.arange(14_000)
    which = policy.integers(0, 0, index, "policy 0", len(OPERATIONS))
    counts = which.bincount(minlength=14)
    assert (counts - 1000).abs().max() < 5 * 1000**0.5
    levels = policy.integers(0, 0, index, "policy level 0", 31)
    assert levels.unique().tolist() == list(range(31))
    images = torch.full((8, 1, 2, 2), 0.5)
    found = policy.applied(images, torch.arange(8), 0, 0, "rand", 2, 9)
    assert found.shape == images.shape
    assert torch.equal(
        policy.applied(images[3:5], torch.arange(3, 5), 0, 0, "rand", 2, 9), found[3:5]
    )
