"""Whether a file answers as the student that it was made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from kdrun.export.differs import DiffersError
from kdrun.export.student import Exported
from kdrun.types import Input

BATCHES = (1, 3, 7)
"""Sizes of the batches that both are asked: a file that knows one size only fails here."""

TOLERANCE = 1e-4
"""Of the largest answer, or of 1 where all are smaller: float32 sums in another order."""


def largest_difference(student: Exported, answer: Callable[[Input], Tensor]) -> str:
    """Ask both about the same samples.

    Args:
        student: who is right.
        answer: the file, from plain inputs to (N, K) answers.

    Returns:
        The largest difference, in words.

    Raises:
        DiffersError: it is larger than rounding explains, or the file cannot read a batch.
    """
    largest, scale = 0.0, 1.0
    for batch in _batches(student.samples):
        with torch.no_grad():
            expected = student.network(batch)
            try:
                found = answer(batch)
            except Exception as error:  # onnxruntime's have no class of their own
                raise DiffersError(f"the file fails on {len(expected)} samples: {error}") from error
        if found.shape != expected.shape:
            told = f"{tuple(found.shape)} for {tuple(expected.shape)}"
            raise DiffersError(f"the file's answers have another shape: {told}")
        difference = (found - expected).abs().max().item()
        if not (difference <= largest or math.isnan(largest)):  # NaN counts, and stays
            largest = difference
        scale = max(scale, expected.abs().max().item())
    kind = "training samples" if student.real else "samples of noise"
    told = (
        f"the largest difference from PyTorch is {largest:.1e}, in answers up to {scale:.3g}, "
        f"on {kind} in batches of {', '.join(map(str, BATCHES))}"
    )
    if not largest <= TOLERANCE * scale:
        raise DiffersError(f"{told}; rounding explains {TOLERANCE * scale:.1e}: nothing is written")
    return told


def _batches(samples: Input) -> Iterator[Input]:
    first = 0
    for size in BATCHES:
        if isinstance(samples, dict):
            yield {key: value[first : first + size] for key, value in samples.items()}
        else:
            yield samples[first : first + size]
        first += size
