"""What a training says of itself fits a terminal of 80 columns, and comes once an epoch."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdrun.terminal.duration import span
from kdrun.terminal.printable import shortened
from kdrun.terminal.progress import epoch_line, left
from tests.conftest import QUICK

ROW = {"loss": 1234.5678, "val_accuracy": 0.9876, "samples_per_second": 123456.7, "seconds": 10.0}
HISTORY = [{"epoch": 1, **ROW}, {"epoch": 2, **ROW}]


def test_a_line_says_what_is_trained_how_far_it_is_and_what_is_left():
    line = epoch_line("teacher resnet50", HISTORY, 5)
    assert line.startswith("teacher resnet50 epoch 2/5  loss ")
    assert line.endswith("30 s left")
    assert "left" not in epoch_line("teacher resnet50", HISTORY, 2)


def test_a_line_fits_80_columns_whatever_the_name():
    history = [{"epoch": 100 + n, **ROW} for n in range(2)]
    assert len(epoch_line("student " + "x" * 99, history, 240)) == 80


def test_time_left_goes_by_the_epochs_so_far():
    assert left([], 9) is None
    assert left(HISTORY, 5) == pytest.approx(30)
    assert left(HISTORY, 5, into=0.5) == pytest.approx(25)
    assert left(HISTORY, 2) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (0.4, "1 s"), (89, "89 s"), (95, "2 min"), (3600, "1 h 0 min")],
)
def test_durations_as_people_say_them(seconds, text):
    assert span(seconds) == text


def test_of_a_long_name_both_ends_are_kept():
    assert shortened("resnet", 6) == "resnet"
    assert shortened("abcdefghij", 7) == "abc…hij"
    assert shortened("abcdefghij", 6) == "abc…ij"


def test_every_phase_is_told_once_and_which_network_is_trained(kdrun):
    told = kdrun("teacher=resnet8", "student=linear", "train.epochs=2")
    assert told.status == 0
    lines = told.out.splitlines()
    assert lines[0] == "distill: linear from resnet8 on digits"
    for start in (
        *("reading digits", "training teacher resnet8: 2 epochs of", "teacher resnet8 epoch 1/2"),
        *("scoring teacher resnet8", "training student linear: 2 epochs", "student linear epoch 2"),
        "scoring student linear",
    ):
        assert sum(line.startswith(start) for line in lines) == 1, start


def test_a_sweep_tells_of_its_data_once_and_each_run_keeps_it(kdrun):
    told = kdrun("-m", *QUICK, "method=supervised", "seed=0,1")
    assert told.status == 0
    assert told.out.count("data: 1,294 to train on") == 1
    logs = list(Path("outputs/default").glob("*/run.log"))
    assert [log.read_text().count("data: 1,294 to train on") for log in logs] == [1, 1]
    assert "0 s left" not in told.out
