"""Curves over epochs: between the lowest and the highest run, as far as all of them go."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path

import pytest

from kdrun.compare.comparison import Line
from kdrun.compare.groups import Group
from kdrun.report.curves import POINTS, curves
from kdrun.report.legend import COLOURS, legend
from kdrun.results.record import write_metrics
from kdrun.results.table import Row


def line(folder: Path, name: str, *histories: list[Row]) -> Line:
    """A group with a run for each history."""
    rows: list[Row] = [{"run_dir": None}]
    for number, history in enumerate(histories):
        place = folder / f"{name}{number}"
        place.mkdir()
        write_metrics(place, history)
        rows.append({"run_dir": str(place)})
    return Line(Group({"loss": name}, rows), {}, {}, None)


def history(*losses: float | None, start: int = 1) -> list[Row]:
    return [{"epoch": start + n, "loss": loss} for n, loss in enumerate(losses)]


def drawn(*lines: Line) -> dict[str, object]:
    return curves(lines, legend([one.group.by for one in lines]))


def test_a_curve_is_the_mean_between_lowest_and_highest_and_ends_with_the_first(
    tmp_path: Path,
) -> None:
    found = drawn(line(tmp_path, "kd", history(4, 2, 1), history(2, 1, 0.5, 0.25)))
    curve = {"epochs": [1, 2, 3], "mean": [3, 1.5, 0.75], "low": [2, 1, 0.5], "high": [4, 2, 1]}
    assert found["of"] == {"loss": {0: {**curve, "n": 2}}}
    assert found["measures"] == [{"name": "loss", "title": "loss", "scale": 1}]
    assert found["all"] is True


def test_an_epoch_that_was_not_measured_is_no_point(tmp_path: Path) -> None:
    found = drawn(line(tmp_path, "kd", history(4, None, 1, 0), history(2, 1, 3, float("nan"))))
    assert found["of"]["loss"][0]["epochs"] == [1, 3]  # type: ignore[index]


def test_accuracies_come_first_and_in_per_cent(tmp_path: Path) -> None:
    rows: list[Row] = [{"epoch": 1, "loss": 1.0, "val_accuracy": 0.5}]
    found = drawn(line(tmp_path, "kd", rows))
    assert found["measures"] == [
        {"name": "val_accuracy", "title": "val_accuracy [%]", "scale": 100},
        {"name": "loss", "title": "loss", "scale": 1},
    ]


def test_a_long_curve_keeps_its_first_and_last_point(tmp_path: Path) -> None:
    found = drawn(line(tmp_path, "kd", history(*(1 / n for n in range(1, 1001)))))
    epochs = found["of"]["loss"][0]["epochs"]  # type: ignore[index]
    assert (len(epochs), epochs[0], epochs[-1]) == (POINTS, 1, 1000)
    steps = {b - a for a, b in pairwise(epochs)}
    assert steps <= {6, 7}


def test_of_more_groups_than_colours_the_first_are_drawn(tmp_path: Path) -> None:
    lines = [line(tmp_path, f"l{n}x", history(n)) for n in range(60)]
    names = legend([{"optimizer.lr": 0.001 * (n + 1), "loss.a": n % 3} for n in range(60)])
    assert not names.series
    found = curves(lines, names)
    assert list(found["of"]["loss"]) == list(range(COLOURS))  # type: ignore[index]
    assert found["all"] is False


def test_a_history_that_cannot_be_read_is_told_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [line(tmp_path, "kd", history(1), history(2))]
    (tmp_path / "kd0" / "metrics.csv").write_text("epoch,loss,loss\n1,2,3\n")
    with caplog.at_level(logging.WARNING):
        found = drawn(*lines)
    assert found["of"]["loss"][0]["n"] == 1  # type: ignore[index]
    assert "no curve of" in caplog.text
