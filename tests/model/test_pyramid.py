from __future__ import annotations

import pytest
import torch

from kdrun.model.pyramid import Pyramid


def test_levels_halve_and_are_named() -> None:
    body = Pyramid("mobilenetv3_small_050", 3, 16, coarse=True).eval()
    seen: dict[str, torch.Size] = {}
    for name in body.names:
        body.get_submodule(name).register_forward_hook(
            lambda _, args, out, name=name: seen.__setitem__(name, out.shape)
        )
    levels = list(body(torch.zeros(1, 3, 128, 256)).values())
    assert body.strides == (8, 16, 32, 64, 128)
    assert [x.shape for x in levels] == [(1, 16, 128 // s, 256 // s) for s in body.strides]
    assert [seen[name] for name in body.names] == [x.shape for x in levels]
    assert len(Pyramid("mobilenetv3_small_050", 1, 16).names) == 3


def test_an_encoder_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match=r"no network 'resnet19'.*resnet1"):
        Pyramid("resnet19", 3)
