"""One process of several: its device, and its line to the run, which nothing else may use."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from kdrun.parallel.rank import _Line, _own_device, _Teller


@contextmanager
def line() -> Iterator[_Line]:
    """A line from this process, whose standard output is given back afterwards."""
    made = _Line()
    try:
        yield made
    finally:
        os.dup2(made.out, 1)
        os.close(made.out)


def test_the_run_reads_messages_alone_whatever_a_library_prints(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with line() as own:
        os.write(1, b"a library says hello\n")
        own.tell(row={"epoch": 1, "loss": 0.5})
        own.tell(measured={"peak_memory_mb": 3.0})
    told = capfd.readouterr()
    assert [json.loads(message) for message in told.out.splitlines()] == [
        {"row": {"epoch": 1, "loss": 0.5}},
        {"measured": {"peak_memory_mb": 3.0}},
    ]
    assert told.err == "a library says hello\n"


def test_what_the_first_rank_logs_goes_the_same_way_with_its_level(
    capfd: pytest.CaptureFixture[str],
) -> None:
    record = logging.LogRecord("x", logging.WARNING, "f", 1, "%d epochs", (3,), None)
    with line() as own:
        _Teller(own).emit(record)
    assert json.loads(capfd.readouterr().out) == {"log": [logging.WARNING, "3 epochs"]}


def test_ranks_share_the_cpu_and_have_a_gpu_each(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert _own_device("cpu") == torch.device("cpu")
    assert chosen == []
    assert _own_device("cuda") == torch.device("cuda", 3)
    assert chosen == [torch.device("cuda", 3)]
