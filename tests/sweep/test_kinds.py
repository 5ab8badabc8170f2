"""Which runs are taken to have the same pace, and which runs a run wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from kdrun.config import schema as config
from kdrun.config.register import register
from kdrun.sweep.kinds import done, kind, wanted


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    register()
    with initialize_config_dir(version_base="1.3", config_dir=str(config.folder())):
        yield


def composed(*overrides: str) -> DictConfig:
    return compose("config", overrides=["teacher=resnet8", "student=mlp", *overrides])


@pytest.mark.parametrize(
    "override", ["seed=7", "train.epochs=9", "optimizer.lr=0.5", "loss.weights.kd=2", "name=other"]
)
def test_what_changes_no_pace_makes_no_other_kind(override):
    assert kind(composed(override)) == kind(composed())


@pytest.mark.parametrize(
    "override", ["train.batch_size=8", "student=linear", "teacher=vgg8", "method=supervised"]
)
def test_what_changes_the_pace_makes_another_kind(override):
    assert kind(composed(override)) != kind(composed())


def test_a_teacher_nobody_reads_makes_no_other_kind():
    first, second = (composed("method=supervised", f"teacher={t}") for t in ("vgg8", "resnet8"))
    assert kind(first) == kind(second)


def test_a_run_wants_the_teacher_that_is_to_be_trained_and_no_other():
    [(own, _, run_dir)] = wanted(composed())
    assert own.student.name == "resnet8"
    assert run_dir.parent == Path("outputs/cache/teacher")
    assert list(wanted(composed("method=supervised"))) == []
    assert list(wanted(composed("teacher.checkpoint=somewhere"))) == []


def test_epochs_that_are_over_are_counted(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,loss\n1,0.5\n2,0.4\n")
    assert done(tmp_path) == 0  # without a checkpoint it begins anew
    (tmp_path / "checkpoint.pt").touch()
    assert done(tmp_path) == 2
