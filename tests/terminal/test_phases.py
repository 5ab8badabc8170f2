"""What a run says of itself while it works, a line for each phase."""

from __future__ import annotations

import logging

import pytest
from omegaconf import DictConfig, OmegaConf

from kdrun.terminal import phases


@pytest.fixture(autouse=True)
def _told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def config(**changed: object) -> DictConfig:
    role = {"name": "resnet50", "model": {"name": "somebody/resnet50"}}
    plain = {
        "method": {"name": "distill", "uses": ["teacher"]},
        "dataset": {"name": "digits"},
        "teacher": role,
        "student": {"name": "mlp", "model": {}},
        "seed": 0,
        "train": {"epochs": 3},
    }
    return OmegaConf.create({**plain, **changed})


def test_the_first_word_says_who_learns_from_whom_on_what(
    capsys: pytest.CaptureFixture[str],
) -> None:
    phases.begin(config())
    assert capsys.readouterr().out == "distill: mlp from resnet50 on digits\n"
    phases.begin(config(method={"name": "supervised", "uses": []}))
    assert capsys.readouterr().out == "supervised: mlp on digits\n"
    phases.begin(config(dataset={"name": "d", "source": "plain", "target": "noisy"}))
    assert capsys.readouterr().out == "distill: mlp from resnet50 on d (plain to noisy)\n"
    phases.begin(config(dataset={"name": "d", "source": None, "target": "noisy"}))
    assert capsys.readouterr().out.endswith("on d (noisy)\n")


def test_a_config_that_cannot_be_resolved_is_told_by_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    phases.begin(config(seed="${nowhere}"))
    assert capsys.readouterr().out == ""


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    phases.begin(config(dataset={"name": "\x1b[2Jd"}))
    assert "\x1b" not in capsys.readouterr().out


def test_data_are_read_for_the_student_and_teachers_need_not_say_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    phases.read("digits", "student mlp")
    phases.read("digits", "teacher resnet8")
    phases.transfer("tca", "mlp")
    assert caplog.messages == ["reading digits", "transfer tca to mlp"]


def test_of_one_it_is_said_as_of_one(caplog: pytest.LogCaptureFixture) -> None:
    phases.train("student mlp", epochs=1, samples=1, done=0)
    phases.train("student mlp", epochs=2, samples=1000, done=1)
    phases.train("student mlp", epochs=2, samples=1000, done=2)  # nothing is left to train
    phases.score("student mlp", 1)
    phases.score("student mlp", 2000)
    assert caplog.messages == [
        "training student mlp: 1 epoch of 1 sample",
        "training student mlp: 2 epochs of 1,000 samples, continuing after epoch 1",
        "scoring student mlp on 1 test sample",
        "scoring student mlp on 2,000 test samples",
    ]
