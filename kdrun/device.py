"""Which device and number format a run uses."""

from __future__ import annotations

import torch

from kdrun.config import Precision


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


def device_name(device: torch.device) -> str:
    """What results.csv calls a device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
