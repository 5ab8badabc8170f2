"""What `train.precision=auto` is: the format that the hardware is fast at, but where it is slower.

A processor with AMX multiplies large matrices in bfloat16 many times as fast, and small ones slower
than in float32. So a step of the student is tried in both, for about a second at most. What came
out is remembered in the user's cache: on one machine replicates compute in one format, and a run
that goes on keeps the one of its checkpoint.
"""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import time
from collections.abc import Sequence
from contextlib import suppress

import torch
from filelock import FileLock

from kdrun.config.schema import Precision
from kdrun.device import choose_dtype, precision
from kdrun.files.fingerprint import store
from kdrun.model.features import Network, Student
from kdrun.model.fitted import fitted
from kdrun.results.record import write_atomic
from kdrun.run.loaders import Loaders
from kdrun.run.networks import Networks
from kdrun.sample import rows_shape
from kdrun.score.latency import about, look, noise
from kdrun.types import Batch

log = logging.getLogger(__name__)

CLEARLY = 0.9
"""Float32 is taken where a step in it takes less than so much of one in the other format."""

SAMPLES = 16
"""Of a batch that is tried, at most."""

SHORT = 0.03
"""Seconds of a step below which it does not matter, and is as the hardware says."""

PASSES = 5
"""Of each format, the fastest of which counts; the first loads what others find, and never does."""

LONGEST = 0.5
"""Seconds after which no more are begun, once there is one that counts."""


def settle(networks: Networks, student: Student) -> None:
    """Let a run compute in the format that is faster for its student, where it may choose.

    Args:
        networks: of the run, not built yet but for the student.
        student: untrained, and as it was afterwards.
    """
    load = networks.load
    fast = choose_dtype(load.settings.precision, load.device)
    if fast is None or not _may_choose(student, load):
        return
    if (known := _remembered(student, fast, load)) is None:
        return
    plain, quick = known
    if quick < SHORT or plain >= CLEARLY * quick:
        return
    log.info(
        "train.precision=auto: fp32, for a step takes %.0f ms in it, and %.0f ms in %s",
        *(1000 * plain, 1000 * quick, precision(fast)),
    )
    networks.dtype = None
    _compute(student, None)


def _may_choose(student: Student, load: Loaders) -> bool:
    """Whether there is something to choose, and a step of the student can be tried by itself."""
    settings, data = load.settings, load.data
    return (
        settings.precision is Precision.auto
        and settings.devices * settings.nodes == 1
        and settings.epochs > 0
        and min(settings.batch_size, len(data.train)) > 1
        and data.task.classifies
        and len(rows_shape(data.shape)) == 3
        and fitted(student) is None
    )


def _remembered(student: Student, fast: torch.dtype, load: Loaders) -> tuple[float, float] | None:
    """Seconds of a step in float32 and in another format, as they were measured the first time.

    Returns:
        None where that cannot be remembered: the next run would not compute in the same format.
    """
    size = min(load.settings.batch_size, len(load.data.train), SAMPLES)
    shape, known = load.data.shape, look(student)
    if known is None:
        return None
    what = "warm", precision(fast)  # once it was the first step, which loads libraries
    told = json.dumps([about(student, shape, size, load.device), known, *what])
    file = store().with_name("formats") / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.json"
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.parent / ".lock"):
            with suppress(OSError, ValueError, TypeError):  # what cannot be read is measured again
                plain, quick = map(float, json.loads(file.read_bytes()))
                return plain, quick
            with torch.random.fork_rng([load.device] if load.device.type == "cuda" else []):
                plain, quick = seconds(student, (None, fast), noise(shape, size, load.device))
            write_atomic(file, json.dumps([plain, quick]))
            return plain, quick
    return None


def seconds(
    student: Student, dtypes: Sequence[torch.dtype | None], batch: Batch
) -> tuple[float, ...]:
    """Of a step, forward and back, in each of some formats by turns.

    Args:
        student: which stays as it is.
        dtypes: in which it computes; None for float32.
        batch: that it sees.
    """
    twins = [copy.deepcopy(student).train() for _ in dtypes]
    for twin, dtype in zip(twins, dtypes, strict=True):
        _compute(twin, dtype)
    for twin in twins:
        _step(twin, batch)
    took: list[list[float]] = []
    begin = time.perf_counter()
    while len(took) < PASSES and (not took or time.perf_counter() - begin < LONGEST):
        took.append([_step(twin, batch) for twin in twins])
    return tuple(min(column) for column in zip(*took, strict=True))


def _step(student: Student, batch: Batch) -> float:
    """Seconds of a step."""
    start = time.perf_counter()
    student(batch).logits.square().mean().backward()
    if batch.index.is_cuda:
        torch.cuda.synchronize(batch.index.device)
    took = time.perf_counter() - start
    student.zero_grad()
    return took


def _compute(student: Student, dtype: torch.dtype | None) -> None:
    """Let every network of a student compute in a format."""
    for part in student.modules():
        if isinstance(part, Network):
            part.dtype = dtype
