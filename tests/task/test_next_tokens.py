"""Sums over tokens: however they are spread on batches."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from kdrun.task.next_tokens import NextTokens
from kdrun.types import Batch, Outputs


def test_nothing_that_counts_is_no_fault() -> None:
    tally = NextTokens()
    target = torch.full((1, 3), -1)
    tally.add(Outputs(torch.zeros(1, 3, 4)), None, Batch({}, target, torch.arange(1)))
    assert tally.scores().metrics["nll"] == 0


def test_long_and_short_texts_weigh_by_their_tokens() -> None:
    torch.manual_seed(0)
    logits, target = torch.randn(2, 5, 4), torch.randint(0, 4, (2, 5))
    target[1, 1:] = -1
    tally = NextTokens()
    for n in range(2):
        own = Batch({}, target[n : n + 1], torch.arange(1))
        tally.add(Outputs(logits[n : n + 1]), None, own)
    nll = float(F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-1))
    metrics = tally.scores().metrics
    assert metrics["nll"] == pytest.approx(nll, rel=1e-6)
    assert metrics["perplexity"] == pytest.approx(math.exp(nll), rel=1e-6)
    assert tally.predicted() == {}
