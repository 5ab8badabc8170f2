"""L2-SP against its formula."""

from __future__ import annotations

import numpy as np
import torch

from kdrun.transfer.l2_sp import L2SP
from kdrun.types import Batch, Outputs
from tests.transfer.trial import load, student

NOTHING = torch.zeros(1, 3)
UNREAD = Outputs(NOTHING), Outputs(NOTHING), Batch(NOTHING, NOTHING, NOTHING)


def test_value_and_gradient_are_those_of_the_formula() -> None:
    network = student(4, 3, "mlp.MLP", hidden=[5])
    term = L2SP(alpha=0.3, beta=0.07)
    term.bind(network, load(np.zeros((2, 4))))
    origin = {name: p.detach().clone() for name, p in network.named_parameters()}
    assert list(term.parameters()) == []
    head_norm = sum(p.square().sum() for n, p in origin.items() if "head" in n)
    assert torch.allclose(term(*UNREAD), 0.035 * head_norm)  # nothing has moved yet
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter))
    value = term(*UNREAD)
    value.backward()
    slow = 0.0
    for name, parameter in network.named_parameters():
        for now, then, slope in zip(
            *(t.flatten().tolist() for t in (parameter, origin[name], parameter.grad)),  # type: ignore[union-attr]
            strict=True,
        ):
            expected = 0.07 * now if "head" in name else 0.3 * (now - then)
            slow += 0.035 * now**2 if "head" in name else 0.15 * (now - then) ** 2
            assert abs(slope - expected) < 1e-6
    assert abs(value.item() - slow) < 1e-4
