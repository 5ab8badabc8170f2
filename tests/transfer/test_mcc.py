"""Minimum class confusion against its definition, entry by entry."""

from __future__ import annotations

import math

import numpy as np
import torch

from kdrun.transfer.mcc import MCC
from kdrun.types import Outputs
from tests.transfer.domains import said, value


def slow(logits: np.ndarray, temperature: float) -> float:
    p = np.exp(logits / temperature)
    p /= p.sum(1, keepdims=True)
    n, classes = p.shape
    weight = np.array([1 + math.exp(sum(q * math.log(q + 1e-5) for q in row)) for row in p])
    weight *= n / weight.sum()
    c = np.zeros((classes, classes))
    for i in range(n):
        for j in range(classes):
            for k in range(classes):
                c[j, k] += weight[i] * p[i, j] * p[i, k]
    c /= c.sum(1, keepdims=True)
    return (c.sum() - np.trace(c)) / classes


def test_it_is_the_paper_s_confusion() -> None:
    source, target = said(6), said(7, seed=1)
    found = value(MCC(2.5), source, target)
    np.testing.assert_allclose(found.item(), slow(target.logits.numpy(), 2.5), rtol=1e-9)


def test_certain_and_diverse_answers_confuse_nothing() -> None:
    target = Outputs(200 * torch.eye(3, dtype=torch.float64)[torch.arange(9) % 3])
    assert value(MCC(), target, target).item() < 1e-6
    same = Outputs(torch.zeros(9, 3, dtype=torch.float64))
    np.testing.assert_allclose(value(MCC(), same, same).item(), 2 / 3)
