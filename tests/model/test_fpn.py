"""The pyramid over an encoder."""

from __future__ import annotations

import pytest
import torch

from kdrun.model.fpn import FPN


def test_a_quarter_of_the_picture_whatever_its_shape() -> None:
    net = FPN("resnet10t", 5, 1, width=8).eval()
    assert net(torch.rand(2, 1, 64, 96)).shape == (2, 5, 16, 24)
    assert net(torch.rand(1, 1, 45, 60)).shape == (1, 5, 12, 15)
    assert net.stage_names[-1] == "smooth"


def test_an_unknown_encoder_is_told_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no network 'resnet19'.*resnet18"):
        FPN("resnet19", 3, 3)
