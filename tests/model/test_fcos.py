from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.model.fcos import FCOS
from kdrun.task.detection import real, stacked


def small(**own: int) -> FCOS:
    torch.manual_seed(0)
    return FCOS("mobilenetv3_small_050", 3, 3, **{"width": 32, "convs": 1, **own})


def test_the_loss_is_that_of_torchvision_on_pictures_of_its_size() -> None:
    made, images = small().eval(), torch.rand(2, 3, 64, 96)
    targets = stacked([[[0, 3, 2, 40, 30, 0], [1, 0, 0, 96, 64, 1]], []])
    found = made(images, targets)
    net = made.net
    net.transform.min_size, net.transform.max_size = (64,), 96
    net.transform.image_mean, net.transform.image_std = [0.0] * 3, [1.0] * 3
    net.transform.training = net.training = True  # batch norm stays as it is
    expected = sum(net(list(images), real(targets)).values())
    torch.testing.assert_close(found.loss, expected)


def test_a_width_that_is_no_multiple_of_its_groups_is_told() -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        small(width=40)


def test_one_picture_of_one_place_is_read() -> None:
    with torch.no_grad():
        assert small().eval()(torch.rand(1, 3, 32, 32)).logits.shape == (1, 100, 6)
    groups = {m.num_groups for m in small().modules() if isinstance(m, nn.GroupNorm)}
    assert groups == {16}
    groups = {m.num_groups for m in small(width=64).modules() if isinstance(m, nn.GroupNorm)}
    assert groups == {32}


def test_every_side_begins_away_from_the_relu_that_would_silence_it() -> None:
    made = small(width=64).eval()
    with torch.no_grad():
        _, boxes = made(torch.rand(2, 3, 64, 64)).heads
    sides = boxes[:, :64]  # of the finest level, whose places are 8 pixels wide
    assert bool(((sides[..., 2:] - sides[..., :2]) > 8).all())
