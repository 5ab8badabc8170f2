"""Learning rates on the device, and optimizers that read them there."""

from __future__ import annotations

import torch
from torch import nn

from kdrun.train.rates import Rates, kernels

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_fused_is_what_can_be_and_nobody_set_otherwise():
    assert kernels(torch.optim.SGD, {"lr": 0.1}, CUDA) == {"fused": True, "capturable": True}
    assert kernels(torch.optim.SGD, {"lr": 0.1}, CPU) == {}
    assert kernels(torch.optim.SGD, {"foreach": False}, CUDA) == {}
    assert kernels(torch.optim.SGD, {"dampening": 0.1}, CUDA) == {}
    assert kernels(torch.optim.Adagrad, {}, CUDA) == {}  # fused on a CPU alone


def test_the_step_reads_tensors_and_everybody_else_numbers():
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.1, fused=True)
    rates = Rates(optimizer, CPU, always=True)
    optimizer.param_groups[0]["lr"] = 0.25
    rates.write()
    weight.grad = torch.ones(2)
    with rates.lent():
        assert optimizer.param_groups[0]["lr"] is rates.tensors[0]
        optimizer.step()
    assert optimizer.param_groups[0]["lr"] == 0.25
    assert torch.equal(weight.detach(), torch.full((2,), 0.75))
    assert Rates(optimizer, CPU).tensors == []
