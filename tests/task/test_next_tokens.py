"""Sums over tokens: however they are spread on batches."""

from __future__ import annotations

import csv
import itertools
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from kdrun.task.next_tokens import TABLE, NextTokens
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


def test_each_position_is_counted_by_itself(tmp_path: Path) -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 2, 5, 4), torch.randn(2, 2, 5, 4)
    target = torch.randint(0, 4, (2, 2, 5))
    target[:, 0, :2] = -1  # prompts, after which positions begin
    target[0, 1, 3:] = target[1, :, 4:] = -1
    tally = NextTokens()
    for n in range(2):
        length = 5 - n
        batch = Batch({}, target[n], torch.arange(2))
        said = (Outputs(x[n, :, :length]) for x in (student, teacher))
        tally.add(*said, batch)
    tally.write(tmp_path)
    with (tmp_path / TABLE).open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    slow: dict[int, list[tuple[int, int, int]]] = {}
    for n, row in itertools.product(range(2), range(2)):
        counted = [c for c in range(5) if int(target[n, row, c]) >= 0]
        for place, column in enumerate(counted, 1):
            slow.setdefault(place, []).append((n, row, column))
    assert [int(row["position"]) for row in rows] == sorted(slow)
    for row in rows:
        where = slow[int(row["position"])]
        s, t = (torch.stack([x[at] for at in where]) for x in (student, teacher))
        wanted = torch.stack([target[at] for at in where])
        kl = F.kl_div(s.log_softmax(1), t.log_softmax(1), log_target=True, reduction="batchmean")
        same = (s.argmax(1) == t.argmax(1)).float().mean()
        assert int(row["tokens"]) == len(where)
        assert float(row["nll"]) == pytest.approx(float(F.cross_entropy(s, wanted)), rel=1e-4)
        assert float(row["kl_to_teacher"]) == pytest.approx(float(kl), rel=1e-4)
        assert float(row["agreement"]) == pytest.approx(float(same), rel=1e-4)
