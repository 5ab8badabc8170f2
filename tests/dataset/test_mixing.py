"""CutMix: a rectangle of the partner, and labels by its area."""

from __future__ import annotations

import torch
from torchvision.transforms import v2

from kdrun.dataset import mixing
from kdrun.dataset.augment import Augment

INDEX = torch.arange(3000)


def test_labels_are_mixed_by_the_pixels_that_are_left() -> None:
    augment = Augment(cutmix=1.0)
    index = INDEX[:200]
    pairs = torch.cat([torch.ones(200, 1, 9, 12), torch.zeros(200, 1, 9, 12)])
    images = augment.mix(pairs, index, 1, 2, (9, 12))
    labels = augment.mix(pairs[:, 0, 0, :1], index, 1, 2, (9, 12))
    torch.testing.assert_close(images.mean((1, 2, 3)), labels[:, 0])
    assert set(images.unique().tolist()) == {0.0, 1.0}
    outside = images == 0
    for hit in outside[:, 0]:  # a rectangle
        assert torch.equal(hit, hit.any(1)[:, None] & hit.any(0))


def test_the_share_that_is_left_is_in_law_that_of_torchvision() -> None:
    torch.manual_seed(0)
    cutmix = v2.CutMix(num_classes=2, alpha=1.0)
    images = torch.zeros(1, 1, 16, 20)
    theirs = torch.tensor(
        [cutmix.make_params([images])["lam_adjusted"] for _ in range(len(INDEX))]
    ) if hasattr(cutmix, "make_params") else torch.tensor(
        [cutmix._get_params([images])["lam_adjusted"] for _ in range(len(INDEX))]
    )  # fmt: skip
    _, own = mixing.pasted(1.0, INDEX, 0, 0, 16, 20)
    quantiles = torch.linspace(0.02, 0.98, 25, dtype=torch.double)
    distance = own.double().quantile(quantiles) - theirs.double().quantile(quantiles)
    assert distance.abs().max() < 0.04


def test_of_both_either_happens_to_half_of_the_samples() -> None:
    index = INDEX[:400]
    pairs = torch.cat([torch.ones(400, 1, 8, 8), torch.zeros(400, 1, 8, 8)])
    found = Augment(mixup=0.8, cutmix=1.0).mix(pairs, index, 0, 0, (8, 8))
    blended = Augment(mixup=0.8).mix(pairs, index, 0, 0)
    pasted = Augment(cutmix=1.0).mix(pairs, index, 0, 0, (8, 8))
    of_mixup = (found == blended).flatten(1).all(1)
    assert bool((of_mixup | (found == pasted).flatten(1).all(1)).all())
    assert abs(int(of_mixup.sum()) - 200) < 50
