"""The first steps of a run, timed in a folder that is thrown away; nothing else notices."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from kdrun.config import register
from kdrun.config.schema import folder
from kdrun.files.checkpoint import read_header
from kdrun.run.folder import STUDENT
from kdrun.sweep import trial
from kdrun.sweep.trial import Few, attempt, unheard
from kdrun.types import Batch
from tests.run.composed import SMALL

CPU = torch.device("cpu")


class Clock:
    """Seconds that pass only when somebody works."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(trial.time, "perf_counter", lambda: self.now)


class Slow:
    """Ten batches, each of which takes its time; the first takes a second more."""

    targets = torch.zeros(10)

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds, self.given = clock, seconds, 0

    def __len__(self) -> int:
        return 10

    def epoch(self, epoch: int) -> Iterator[Batch]:
        for number in range(10):
            self.clock.now += self.seconds + (number == 0)
            self.given += 1
            yield Batch(self.targets, self.targets, self.targets)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize("work", [0.0, 0.05])
def test_a_whole_pass_is_told_by_the_batches_after_the_first(clock: Clock, work: float) -> None:
    slow = Slow(clock, 0.1)
    few = Few(slow, CPU)
    for _ in few.epoch(0):
        clock.now += work  # of whoever asked for the batch
    assert few.whole == pytest.approx(10 * (0.1 + work))
    assert slow.given < 10
    assert few.spent == pytest.approx(clock.now)


def test_a_first_batch_that_comes_slowly_does_not_end_the_pass(clock: Clock) -> None:
    few = Few(Slow(clock, 0.125), CPU)  # after more than a second
    assert len(list(few.epoch(0))) == 1 + 3
    assert few.whole == pytest.approx(1.25)


def test_quick_batches_are_all_seen_and_later_passes_are_as_long_as_the_first(
    clock: Clock,
) -> None:
    quick = Few(Slow(clock, 0.001), CPU)
    assert len(list(quick.epoch(0))) == 10
    slow = Few(Slow(clock, 0.2), CPU)
    seen = [len(list(slow.epoch(epoch))) for epoch in range(2)]
    assert seen[0] == seen[1] < 10


def test_a_trial_leaves_threads_generators_and_loggers_as_they_were(
    caplog: pytest.LogCaptureFixture,
) -> None:
    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    with unheard(2):
        assert torch.get_num_threads() == 2
        torch.rand(3)
        warnings.warn("not heard", stacklevel=1)
        logging.getLogger("kdrun").critical("not heard")
    assert torch.get_num_threads() == 1
    assert torch.equal(torch.random.get_rng_state(), state)
    assert caplog.messages == []
    logging.getLogger("kdrun").critical("heard")
    assert caplog.messages == ["heard"]
    with pytest.raises(RuntimeError, match="as it is"), unheard(None):
        raise RuntimeError("as it is")
    assert logging.root.manager.disable == logging.NOTSET


@pytest.fixture(scope="module")
def config() -> DictConfig:
    register.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(folder())):
        made = compose("config", overrides=[*SMALL, "train.epochs=40", "teacher=linear"])
    OmegaConf.resolve(made)
    return made


def nobody(role: object) -> Path:
    raise AssertionError("a teacher was asked for")


def test_a_run_of_many_epochs_is_tried_in_one_and_leaves_weights_to_learn_from(
    config: DictConfig, tmp_path: Path
) -> None:
    tried = attempt(config, tmp_path, nobody, whole_end=False)
    assert tried.end is None
    pace = tried.pace
    assert pace.epochs is None  # as many as are typed
    assert pace.begin > 0
    assert 0 < pace.epoch < 30
    assert 0 <= pace.end < 30
    assert pace.students == 1
    assert read_header(tmp_path / STUDENT)["name"] == "linear"
    assert config.train.epochs == 40


def test_what_stops_the_run_stops_the_trial(config: DictConfig, tmp_path: Path) -> None:
    wrong = OmegaConf.merge(config, {"dataset": {"val_fraction": 2.0}})
    assert isinstance(wrong, DictConfig)
    with pytest.raises(ValueError, match=r"val_fraction=2.0 is not a fraction"):
        attempt(wrong, tmp_path, nobody, whole_end=False)
