from __future__ import annotations

import pytest
import torch

from kdrun.model.retinanet import RetinaNet
from kdrun.task.detection import real, stacked


def small(**own: float) -> RetinaNet:
    torch.manual_seed(0)
    return RetinaNet("mobilenetv3_small_050", 3, 3, width=16, **own)


def test_the_loss_is_that_of_torchvision_on_pictures_of_its_size() -> None:
    made, images = small().eval(), torch.rand(2, 3, 64, 96)
    targets = stacked([[[0, 3, 2, 40, 30, 0]], []])
    found = made(images, targets)
    net = made.net
    net.transform.min_size, net.transform.max_size = (64,), 96
    net.transform.image_mean, net.transform.image_std = [0.0] * 3, [1.0] * 3
    net.transform.training = net.training = True  # batch norm stays as it is
    expected = sum(net(list(images), real(targets)).values())
    torch.testing.assert_close(found.loss, expected)


def test_anchors_have_the_size_that_is_asked_for() -> None:
    sizes = small(anchor=2.0).net.anchor_generator.sizes
    assert [round(size[0]) for size in sizes] == [16, 32, 64]
    with pytest.raises(ValueError, match="anchor=0"):
        small(anchor=0)
