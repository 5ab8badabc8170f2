"""Batch norm's statistics, re-estimated exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from kdrun.dataset.loader import make_loader
from kdrun.model.features import Network
from kdrun.transfer import Source
from kdrun.transfer.adabn import AdaBN, set_statistics
from kdrun.types import Arrays, Loader
from tests.transfer.domains import NAMES, images, loader, net

TARGET = images(50, seed=2, bright=120)


def statistics(network: Network) -> list[torch.Tensor]:
    return [buffer for name, buffer in network.named_buffers() if "running_" in name]


def batches(size: int, order: torch.Tensor | None = None) -> Loader:
    rows = torch.arange(50) if order is None else order
    assert isinstance(TARGET.inputs, torch.Tensor)
    return make_loader(Arrays(TARGET.inputs[rows], TARGET.targets[rows]), size, seed=0, train=False)


def test_they_are_those_of_the_target_layer_after_layer() -> None:
    network = net(1)
    set_statistics(network, batches(16))
    conv, first, relu, _, flat, linear, second, *_ = network.net.children()
    assert isinstance(TARGET.inputs, torch.Tensor)
    with torch.no_grad():
        seen = conv(network.normalise(TARGET.inputs.float() / 255))
        moments = seen.double().numpy()
        np.testing.assert_allclose(first.running_mean, moments.mean((0, 2, 3)), atol=1e-6)
        np.testing.assert_allclose(first.running_var, moments.var((0, 2, 3), ddof=1), rtol=1e-5)
        moments = linear(flat(relu(first(seen)))).double().numpy()
        np.testing.assert_allclose(second.running_mean, moments.mean(0), atol=1e-6)
        np.testing.assert_allclose(second.running_var, moments.var(0, ddof=1), rtol=1e-5)


def test_neither_batch_size_nor_order_matters() -> None:
    found = []
    by_class = TARGET.targets.argsort(stable=True)
    for given in (batches(16), batches(50), batches(7, by_class)):
        network = net(1)
        set_statistics(network, given)
        found.append(statistics(network))
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_nothing_else_changes() -> None:
    before, source = net(7), Source(loader(images(48, 1)), NAMES, NAMES, model=lambda: net(7))
    student = AdaBN()(net(0), source, batches(16))
    own, given = student.state_dict(), before.state_dict()
    changed = {key for key in own if not torch.equal(own[key], given[key])}
    assert changed == {key for key in own if "running_" in key}


def test_a_network_without_batch_norm_is_refused_before_its_source_is_trained() -> None:
    def never() -> Network:
        raise AssertionError

    plain = Network(nn.Sequential(nn.Flatten(), nn.Linear(36, 3)))
    source = Source(loader(images(48, 1)), NAMES, NAMES, model=never)
    with pytest.raises(ValueError, match="Sequential has no batch norm"):
        AdaBN().untouched(plain, source, batches(16))
