"""Times of a network: the fastest pass, measured once, on a quiet machine."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from kdrun.model.features import Network
from kdrun.run import notes
from kdrun.score import latency as module
from kdrun.score.latency import Latency, crowded, latency, measure
from kdrun.types import Batch

CPU, SHAPE = torch.device("cpu"), (3, 4, 4)


def network(width: int = 8, heads: int = 2) -> Network:
    parts = [nn.Flatten(1, 2), nn.TransformerEncoderLayer(4, heads, width, batch_first=True)]
    return Network(nn.Sequential(*parts, nn.Flatten(), nn.Linear(48, 3)))


class Sleeps(nn.Module):
    """Takes 1 ms, and now and then 20."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, batch: Batch) -> None:
        self.passes += 1
        time.sleep(0.001 if self.passes % 5 else 0.02)


def test_the_fastest_pass_counts_and_the_slow_tenth_is_the_spread() -> None:
    found = measure(Sleeps(), SHAPE, 1, CPU)
    assert 1 <= found.ms < 15
    assert 5 < found.spread_ms < 100
    assert found.load >= 0


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Latency]:
    """What `measure` will find, one after another, instead of times."""
    coming: list[Latency] = []
    monkeypatch.setattr(module, "measure", lambda *_: coming.pop(0))
    monkeypatch.setattr(module, "_own_cores", lambda: {0, 1})
    return coming


def test_it_is_measured_once_for_an_architecture(measured: list[Latency], tmp_path: Path) -> None:
    measured += [Latency(3.0, 0.1, 0.0), Latency(5.0, 0.1, 0.0), Latency(7.0, 0.1, 0.0)]
    once = latency(network(), SHAPE, 1, CPU, tmp_path)
    torch.manual_seed(1)
    assert latency(network(), SHAPE, 1, CPU, tmp_path) == once  # of other weights
    assert latency(network(heads=4), SHAPE, 1, CPU, tmp_path).ms == 5.0  # shapes are the same
    half = network()
    half.dtype = torch.bfloat16
    assert latency(half, SHAPE, 1, CPU, tmp_path).ms == 7.0
    assert not measured


def test_a_batch_and_a_number_of_threads_are_others(
    measured: list[Latency], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured += [Latency(ms, 0.1, 0.0) for ms in (1.0, 2.0, 3.0)]
    assert latency(network(), SHAPE, 1, CPU, tmp_path).ms == 1.0
    assert latency(network(), SHAPE, 9, CPU, tmp_path).ms == 2.0
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert latency(network(), SHAPE, 1, CPU, tmp_path).ms == 3.0


def test_a_busy_machine_is_measured_again_and_the_faster_time_stays(
    measured: list[Latency], tmp_path: Path
) -> None:
    measured += [Latency(9.0, 4.0, 2.0), Latency(11.0, 5.0, 1.9), Latency(6.0, 0.2, 0.3)]
    found = [latency(network(), SHAPE, 1, CPU, tmp_path) for _ in range(4)]
    assert [each.ms for each in found] == [9.0, 9.0, 6.0, 6.0]
    assert [crowded(each.load) for each in found] == [True, True, False, False]
    (file,) = tmp_path.glob("latency/*.json")
    file.write_text("{")
    measured.append(Latency(8.0, 0.2, 0.0))
    assert latency(network(), SHAPE, 1, CPU, tmp_path).ms == 8.0


def test_parts_of_somebody_else_are_always_measured(
    measured: list[Latency], tmp_path: Path
) -> None:
    measured += [Latency(1.0, 0.0, 0.0), Latency(2.0, 0.0, 0.0)]
    assert [latency(Sleeps(), SHAPE, 1, CPU, tmp_path).ms for _ in range(2)] == [1.0, 2.0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_work_of_others_is_seen_and_ones_own_is_not() -> None:
    told, own = module._others(), time.process_time()
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        pass
    before, own = told(), (time.process_time() - own) / 0.5
    busy = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(busy) for _ in module._own_cores()]
    try:
        told = module._others()
        time.sleep(0.5)
        assert told() > 0.7 * len(others) - 0.1
    finally:
        for process in others:
            process.kill()
            process.wait()
    assert before + own < len(others) + 0.2


def test_a_crowded_machine_is_a_note() -> None:
    many = 1e4
    assert "may be too long" in next(notes.measured({"latency_load": many}))
    assert not list(notes.measured({"latency_load": 0.0}))
    assert not list(notes.measured({}))
