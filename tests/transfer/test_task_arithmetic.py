"""Task vectors against their formula."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kdrun.model.features import Network
from kdrun.transfer import Source
from kdrun.transfer.start import fingerprint
from kdrun.transfer.task_arithmetic import TaskArithmetic
from tests.transfer.test_soup import ROWS, a_run, linear
from tests.transfer.trial import load, logits


def added(strategy: TaskArithmetic, start: Network) -> Network:
    student = linear(9)
    strategy.check(student)
    source = Source(load(ROWS), list("abc"), list("abc"), model=lambda: start)
    return strategy(student, source, load(ROWS))


@pytest.mark.parametrize(("scale", "sum_"), [(1.0, 2 + 3 - 1), (0.5, 3.0), ([0.2, -2.0], 4.6)])
def test_it_is_the_start_and_the_scaled_differences(
    tmp_path: Path, scale: float | list[float], sum_: float
) -> None:
    start = linear(2)
    runs = [a_run(tmp_path / str(n), linear(n), fingerprint(start)) for n in (5, 1)]
    found = added(TaskArithmetic(runs, scale), start)
    assert torch.allclose(logits(found, ROWS), logits(linear(sum_), ROWS), atol=1e-5)


def test_runs_that_began_elsewhere_are_refused(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", linear(5), fingerprint(linear(3)))
    with pytest.raises(ValueError, match="run did not begin with the weights of this source's"):
        added(TaskArithmetic([run]), linear(2))


@pytest.mark.parametrize(("runs", "scale"), [([], 1.0), (["a"], [1.0, 2.0]), (["a"], float("nan"))])
def test_scales_that_fit_no_runs_are_refused(runs: list[str], scale: float | list[float]) -> None:
    with pytest.raises(ValueError, match="give the folder of a run or more"):
        TaskArithmetic(runs, scale)


def test_without_a_source_there_is_nothing_to_add_to(tmp_path: Path) -> None:
    strategy = TaskArithmetic([a_run(tmp_path / "run", linear(5), "start")])
    strategy.check(linear(9))
    with pytest.raises(ValueError, match=r"set dataset\.source"):
        strategy(linear(9), None, load(ROWS))
