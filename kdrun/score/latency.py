"""How long a network takes for a batch: the fastest of many passes, and who else was at work.

Other processes make a pass slower, never faster, so the fastest says most about the network. It is
measured once for an architecture, and again while no quiet moment was found for it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from filelock import FileLock
from torch import nn

from kdrun.device import device_name, precision
from kdrun.model.features import Network
from kdrun.model.fitted import Fitted
from kdrun.results.record import write_atomic
from kdrun.sample import blank
from kdrun.types import Batch, Shape
from kdrun.version import versions

PASSES = 20
"""How many at least, unless they take longer than `LONGEST` together."""

SHORTEST, LONGEST = 0.1, 1.0
"""Seconds of a measurement: enough to see what others do, and no more than needed."""

SPARE = 0.25
"""Cores' worth of others' work that is always there, and slows nobody."""

# fmt: off
KNOWN = (
    "torch.", "torchvision.", "timm.", "transformers.", "kdrun.model.", "kdrun.loss.",
    "kdrun.teacher.network.", "kdrun.teacher.classes.", "kdrun.teacher.ensemble.",
)
# fmt: on
"""Where the parts of a network lie that are the same whenever they look the same."""

LIBRARIES = ("kdrun", "torch", "torchvision", "timm", "transformers")


class Latency(NamedTuple):
    """What was measured.

    Attributes:
        ms: of the fastest pass, in milliseconds.
        spread_ms: how far above it the slowest tenth of the passes lies.
        load: cores that other processes used meanwhile, of those that this one may use.
    """

    ms: float
    spread_ms: float
    load: float


def crowded(load: float) -> bool:
    """Whether others, who use so many cores, leave fewer than this process has threads."""
    cores = len(_own_cores()) if sys.platform == "linux" else os.cpu_count() or 1
    return load > max(0, cores - torch.get_num_threads()) + SPARE


def latency(
    model: nn.Module, shape: Shape, samples: int, device: torch.device, cache: Path | None = None
) -> Latency:
    """The time of a forward pass over a batch, in the model's number format and on its threads.

    Args:
        model: from `Batch` to `Outputs`; put into evaluation mode.
        shape: of a sample.
        samples: in a batch.
        device: where the model is.
        cache: the folder that keeps measurements. What was measured there on a quiet machine for
            the same architecture, device, threads, format and batch is not measured again.
    """
    parts = look(model)
    if cache is None or parts is None:
        return measure(model, shape, samples, device)
    where = about(model, shape, samples, device)
    digest = hashlib.sha256(json.dumps([where, parts]).encode()).hexdigest()
    file = cache / "latency" / f"{digest[:32]}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.parent / ".lock"):  # two at once would measure each other
        best = _read(file)
        if best is None or crowded(best.load):
            found = measure(model, shape, samples, device)
            if best is not None:  # the one that was disturbed less is the faster one
                faster = min(best, found)
                found = faster._replace(load=min(best.load, found.load))
            write_atomic(file, json.dumps(where | found._asdict(), indent=1))
            best = found
    return best


def _read(file: Path) -> Latency | None:
    try:
        stored = json.loads(file.read_bytes())
        return Latency(*(float(stored[key]) for key in Latency._fields))
    except (OSError, ValueError, TypeError, KeyError):
        return None  # it is a cache: what cannot be read is measured again


@torch.no_grad()
def measure(model: nn.Module, shape: Shape, samples: int, device: torch.device) -> Latency:
    """Time passes over a batch of noise, now; as `latency`."""
    batch = noise(shape, samples, device)
    model.eval()
    for _ in range(3):
        _timed(model, batch, device)
    others = _others()
    times: list[float] = []
    begin = time.perf_counter()
    while (took := time.perf_counter() - begin) < LONGEST or len(times) < 3:
        if len(times) >= PASSES and took > SHORTEST:
            break
        times.append(1000 * _timed(model, batch, device))
    times.sort()
    slow = times[min(len(times) - 1, len(times) * 9 // 10)]
    return Latency(times[0], slow - times[0], others())


def _timed(model: nn.Module, batch: Batch, device: torch.device) -> float:
    start = time.perf_counter()
    model(batch)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def noise(shape: Shape, samples: int, device: torch.device) -> Batch:
    """A batch that says nothing; its numbers are random."""
    zeros = torch.zeros(samples, dtype=torch.int64, device=device)
    return Batch(blank(shape, samples, device, torch.rand), zeros, zeros)


def _others() -> Callable[[], float]:
    """Begins to watch what other processes do on this one's cores; tells how many they used."""
    start, before = time.monotonic(), _seconds_used()

    def told() -> float:
        if before is None:  # what they did in the last minute
            return max(0.0, os.getloadavg()[0] - torch.get_num_threads())
        after = _seconds_used()
        assert after is not None
        return round(max(0.0, (after - before) / (time.monotonic() - start)), 2)

    return told


def _seconds_used() -> float | None:
    """Processor time on this process's cores that was not its own; None where Linux is not."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return None
    own = {f"cpu{number}" for number in _own_cores()}
    ticks = 0
    for name, *numbers in (line.split() for line in lines):
        if name in own:
            user, nice, system, _, _, *rest = map(int, numbers[:8])
            ticks += user + nice + system + sum(rest)  # interrupts, and what a hypervisor took
    return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()


def _own_cores() -> set[int]:
    return os.sched_getaffinity(0)


def about(model: nn.Module, shape: Shape, samples: int, device: torch.device) -> dict[str, Any]:
    """On what a measurement depends beside the architecture."""
    dtypes = {part.dtype for part in model.modules() if isinstance(part, Network)}
    return {
        "device": device_name(device),
        "machine": [platform.node(), platform.processor() or platform.machine()],
        "threads": torch.get_num_threads(),
        "precision": sorted(precision(dtype) for dtype in dtypes),
        "batch": samples,
        "shape": shape if isinstance(shape, dict) else list(shape),
        "versions": versions(LIBRARIES),
    }


def look(model: nn.Module) -> str | None:
    """All that makes a network of known parts fast or slow; None if it has others."""
    told = []
    for name, part in model.named_modules():
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        # What is fitted at once is as fast as what it has learnt.
        if not kind.startswith(KNOWN) or isinstance(part, Fitted):
            return None
        plain = {k: repr(v) for k, v in vars(part).items() if _is_plain(v) and k != "training"}
        compiled = getattr(part, "_compiled_call_impl", None) is not None
        told.append([name, kind, compiled, sorted(plain.items())])
    tensors = [*model.named_parameters(), *model.named_buffers()]
    shapes = [[name, str(t.dtype), [*t.shape], [*t.stride()]] for name, t in tensors]
    return json.dumps([told, shapes])


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str | torch.dtype)
