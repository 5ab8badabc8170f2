"""How good a model is, how like its teacher, and what it costs."""

from __future__ import annotations

import copy
import resource
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from kdrun.model.features import Network
from kdrun.score.latency import latency, noise
from kdrun.task import Scores, Tally, Task
from kdrun.types import Loader, Outputs, Shape


@torch.no_grad()
def count(model: nn.Module, loader: Loader, task: Task, teacher: nn.Module | None = None) -> Tally:
    """Ask a model about every sample of a split.

    Args:
        model: from `Batch` to `Outputs`; put into evaluation mode, and back.
        loader: the split.
        task: what is predicted, which knows what to count.
        teacher: likewise, to be agreed with.
    """
    was_training = model.training
    model.eval()
    tally = task.tally()
    for batch in loader.epoch(0):
        student: Outputs = model(batch)
        tally.add(student, None if teacher is None else teacher(batch), batch)
    model.train(was_training)
    return tally


def evaluate(
    model: nn.Module, loader: Loader, task: Task, teacher: nn.Module | None = None
) -> Scores:
    """Score a model on every labelled sample of a split; see `count`.

    All counts stay on the device until the end.
    """
    return count(model, loader, task, teacher).scores()


def ratio(part: float, whole: float) -> float | None:
    """Their quotient; nothing where it is not defined."""
    return part / whole if whole else None


def parameters(model: nn.Module) -> int:
    """The number of parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def macs(model: nn.Module, shape: Shape) -> int:
    """Multiply-accumulates of one sample in convolutions and matrix products, from a dry run.

    They are counted in float32, whatever the model computes in: the meta device has no autocast.
    """
    # transformers looks at the mask of a text, which has to be there.
    device = torch.device("cpu" if isinstance(shape, dict) else "meta")
    dry = copy.deepcopy(model).float().eval().to(device)
    for part in dry.modules():  # all there are: a stack holds two networks
        if isinstance(part, Network):
            part.dtype = None
    plain = sdpa_kernel(SDPBackend.MATH)  # of the fused ones not all are counted
    with FlopCounterMode(display=False) as counter, torch.no_grad(), plain:
        dry(noise(shape, 1, device))
    return int(counter.get_total_flops()) // 2


def cost(
    student: nn.Module, shape: Shape, samples: int, device: torch.device, cache: Path | None = None
) -> dict[str, float]:
    """What it takes to use a student, for one sample and for a batch of `samples`.

    Args:
        student: from `Batch` to `Outputs`.
        shape: of a sample.
        samples: in a batch.
        device: where the student is.
        cache: the folder that keeps measurements: see `latency`.
    """
    one, batch = (latency(student, shape, size, device, cache) for size in (1, samples))
    return {
        "student_params": parameters(student),
        "student_macs": macs(student, shape),
        "latency_ms": one.ms,
        "latency_spread_ms": one.spread_ms,
        "latency_load": one.load,
        "batch_latency_ms": batch.ms,
        "throughput": 1000 * samples / batch.ms,
    }


def peak_memory_mb(device: torch.device) -> float:
    """The most memory in use so far: allocated on the GPU, else resident in this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def example(model: nn.Module, loader: Loader) -> Outputs:
    """A model's outputs for the first batch, leaving the model as it was."""
    was_training = model.training
    model.eval()
    with torch.no_grad():
        outputs: Outputs = model(next(iter(loader.epoch(0))))
    model.train(was_training)
    return outputs
