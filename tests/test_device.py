"""Which device and number format a run uses, and what it may not ask for."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kdrun import device
from kdrun.config.schema import Precision
from kdrun.device import choose_device, choose_dtype, device_name, faults

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine with so many GPUs, of some generation, with or without MPS and AMX."""

    def has(cuda: int = 0, mps: bool = False, generation: int = 8, amx: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (generation, 0))
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": amx})

    return has


def test_auto_is_cuda_then_mps_then_the_cpu(machine: Any) -> None:
    for has, name in (({"cuda": 1, "mps": True}, "cuda"), ({"mps": True}, "mps"), ({}, "cpu")):
        machine(**has)
        assert choose_device("auto").type == name
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert device_name(CPU) == "cpu"


@pytest.mark.parametrize(
    ("where", "has", "fast"),
    [
        (CUDA, {"generation": 8}, True),
        (CUDA, {"generation": 7}, False),
        (CPU, {"amx": True}, True),
        (CPU, {"amx": False}, False),
        (torch.device("mps"), {"amx": True}, False),
    ],
)
def test_bfloat16_is_taken_where_it_is_fast_or_asked_for(
    machine: Any, where: torch.device, has: dict[str, Any], fast: bool
) -> None:
    machine(**has)
    assert choose_dtype(Precision.auto, where) == (torch.bfloat16 if fast else None)
    assert choose_dtype(Precision.bf16, where) is torch.bfloat16
    assert choose_dtype(Precision.fp32, where) is None


def test_an_older_torch_that_cannot_tell_has_no_fast_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_dtype(Precision.auto, CPU) is None


def test_the_format_is_called_as_in_the_config() -> None:
    assert device.precision(None) == device.precision(torch.float32) == "fp32"
    assert device.precision(torch.bfloat16) == "bf16"


@pytest.mark.parametrize(
    ("asked", "cuda", "fault"),
    [
        ({}, 0, ""),
        ({"devices": 2}, 0, ""),  # parts of the CPU
        ({"devices": 2}, 2, ""),
        ({"devices": 3}, 2, "train.devices=3: this machine has 2 CUDA devices"),
        ({"device": "cuda:1"}, 2, ""),
        ({"device": "cuda:2"}, 2, "train.device=cuda:2: this machine has 2 CUDA devices"),
        ({"device": "cuda"}, 0, "train.device=cuda: this machine has 0 CUDA devices"),
        ({"device": "cuda", "devices": 2}, 1, "train.devices=2: this machine has 1 CUDA devices"),
        ({"device": "cdua"}, 1, "train.device=cdua: did you mean 'cuda'?"),
        ({"device": "mps"}, 0, "train.device=mps: not available on this machine"),
        ({"device": "cuda:0", "devices": 2}, 2, "train.device=cuda:0 is one device, and train.de"),
        ({"nodes": 2, "compile": True}, 0, "train.devices=1: train.compile=true is for one device"),
    ],
)
def test_what_is_not_there_is_told(
    machine: Any, asked: dict[str, Any], cuda: int, fault: str
) -> None:
    machine(cuda=cuda)
    train = {"device": "auto", "devices": 1, "nodes": 1, "compile": False, **asked}
    told = list(faults(train))
    assert len(told) == bool(fault)
    assert not fault or told[0].startswith(fault)
