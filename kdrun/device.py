"""Which device and number format a run uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from kdrun.config.instantiate import nearest
from kdrun.config.schema import Precision


def choose_device(name: str) -> torch.device:
    """The device of a name; `auto` is CUDA, then MPS, then the CPU."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype | None:
    """The type that networks compute in under autocast; None is plain float32.

    `auto` takes bfloat16 where the hardware is fast at it: CUDA from Ampere, CPUs with AMX.
    """
    if precision is Precision.fp32:
        return None
    if precision is Precision.bf16:
        return torch.bfloat16
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else None
    # Older releases of torch cannot tell what the CPU has.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.bfloat16 if device.type == "cpu" and capabilities.get("amx_bf16") else None


def precision(dtype: torch.dtype | None) -> str:
    """What the config and results.csv call the type that networks compute in."""
    return "fp32" if dtype in (None, torch.float32) else "bf16"


def device_name(device: torch.device) -> str:
    """What results.csv calls a device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def faults(train: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the devices that a run asks for.

    Args:
        train: the section of its config.
    """
    name, devices, there = train["device"], train["devices"], torch.cuda.device_count()
    if devices * train["nodes"] > 1 and train["compile"]:
        yield f"train.devices={devices}: train.compile=true is for one device; give one of them"
    if name == "auto":
        if 0 < there < devices:
            yield f"train.devices={devices}: this machine has {there} CUDA devices"
        return
    try:
        device = torch.device(name)
    except RuntimeError:
        yield f"train.device={name}: {nearest(name, ['auto', 'cpu', 'cuda', 'mps'])}"
        return
    if device.type == "cuda" and max(device.index or 0, devices - 1) >= there:
        key, value = ("devices", devices) if devices > 1 else ("device", name)
        yield f"train.{key}={value}: this machine has {there} CUDA devices"
    if devices > 1 and name not in ("cpu", "cuda"):
        yield f"train.device={name} is one device, and train.devices={devices}: write cuda or cpu"
    if device.type == "mps" and not torch.backends.mps.is_available():
        yield "train.device=mps: not available on this machine"
