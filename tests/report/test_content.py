"""All that a page says, as plain containers: what compare found, and every single run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kdrun.compare.gather import gather
from kdrun.report.content import SUMMED, content, finite
from kdrun.results.table import Row
from tests.fabricated import record, save

LOSSES = {"kd": 0.9, "dkd": 0.95, "at": 0.8}


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    """Three losses with two seeds each, and two runs that failed alike."""
    runs = [record(s, a + s / 100, loss=loss) for loss, a in LOSSES.items() for s in (0, 1)]
    failed = [record(s, loss="kd", error="RuntimeError: boom") for s in (2, 3)]
    save(tmp_path, *runs, *failed)
    return gather([str(tmp_path)])


def told(rows: list[Row], place: Path, **asked: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"metrics": (), "by": (), "over": (), "baseline": {}}
    return content(rows, **{**given, **asked}, place=place)


def test_it_is_strict_json_with_the_best_group_first(rows: list[Row], tmp_path: Path) -> None:
    page = told(rows, tmp_path)
    assert json.loads(json.dumps(page, allow_nan=False)) == json.loads(json.dumps(page))
    assert [group["name"] for group in page["groups"]] == ["dkd", "kd", "at"]
    assert page["groups"][0]["mean"] == pytest.approx(0.955)
    assert sorted(page["groups"][0]["values"]) == pytest.approx([0.95, 0.96])
    assert page["facts"]["states"] == {"ok": 6, "failed": 2}
    assert page["facts"]["by"] == ["loss"]
    assert page["metric"] == {
        "name": "test_accuracy",
        "title": "test_accuracy [%]",
        "scale": 100,
        "less": False,
    }


def test_every_run_is_there_and_equal_errors_are_one(rows: list[Row], tmp_path: Path) -> None:
    page = told(rows, tmp_path)
    assert len(page["runs"]["rows"]) == len(page["links"]) == 8
    assert page["runs"]["columns"][:2] == ["run", "status"]
    assert {"loss", "seed"} <= {*page["runs"]["columns"]}
    (error,) = page["failures"]["errors"]
    assert error["error"] == "RuntimeError: boom"
    assert [page["runs"]["rows"][n][1] for n in error["runs"]] == ["failed", "failed"]


def test_configs_are_held_against_the_baseline_or_the_best(rows: list[Row], tmp_path: Path) -> None:
    best = told(rows, tmp_path)["reference"]
    assert rows[best]["loss"] == "dkd"
    page = told(rows, tmp_path, baseline={"loss": "kd"})
    assert rows[page["reference"]]["loss"] == "kd"
    verdicts = {group["name"]: group["verdict"] for group in page["groups"]}
    assert verdicts["kd"] == "baseline"
    other = next(group for group in page["groups"] if group["name"] == "dkd")
    assert other["difference"] == "+5.00"


def test_what_was_measured_is_summed_up_and_times_only_of_one_device(
    rows: list[Row], tmp_path: Path
) -> None:
    def measured(page: dict[str, Any]) -> set[str]:
        columns = page["table"]["columns"]
        return {name for name in SUMMED if any(c.split(" [")[0] == name for c in columns)}

    assert {"latency_ms", "student_params", "test_nll"} <= measured(told(rows, tmp_path))
    costs = [cost["name"] for cost in told(rows, tmp_path)["costs"]]
    assert costs == ["student_params", "student_macs", "latency_ms", "train_seconds"]
    rows[0]["device"] = "cuda"
    other = measured(told(rows, tmp_path))
    assert "student_params" in other
    assert not {"latency_ms", "train_seconds"} & other


def test_runs_that_have_nothing_to_compare_are_still_listed(tmp_path: Path) -> None:
    save(tmp_path, record(0, error="ValueError: no"), record(1, error="ValueError: no"))
    page = told(gather([str(tmp_path)]), tmp_path)
    assert page["facts"]["summary"] == "no run has anything to compare"
    assert len(page["runs"]["rows"]) == 2
    assert "groups" not in page
    with pytest.raises(ValueError, match="no run has a test_accuracy to compare"):
        told(gather([str(tmp_path)]), tmp_path, metrics=["test_accuracy"])


def test_a_number_that_json_cannot_hold_is_none() -> None:
    assert [finite(v) for v in (1.5, None, float("nan"), float("inf"))] == [1.5, None, None, None]
