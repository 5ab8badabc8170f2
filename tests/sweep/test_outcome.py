"""How jobs stand and ended, by their records; what of it is the user's to mend."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from kdrun.results.record import read_results, save_record
from kdrun.run.folder import at_work
from kdrun.sweep.jobs import Job
from kdrun.sweep.outcome import (
    SweepFailedError,
    record_of,
    returned,
    state,
    sum_up,
    tell_end,
)
from tests.fabricated import record


def job(folder: Path, seed: int, status: str | None = "ok", error: str = "") -> Job:
    """A job whose run stands so; None: it has not begun."""
    run = folder / f"run{seed}"
    run.mkdir(parents=True)
    if status is not None:
        made: Any = record(seed, 0.9125, error=error)
        save_record(run, made | {"status": status, "run_id": run.name})
    return Job((f"seed={seed}",), run, f"seed={seed}")


@pytest.mark.parametrize("status", ["ok", "failed", "pruned", "interrupted"])
def test_a_job_stands_as_its_record_says(tmp_path: Path, status: str) -> None:
    assert state(job(tmp_path, 0, status)) == status


def test_one_that_says_it_runs_does_so_only_while_a_process_is_at_it(tmp_path: Path) -> None:
    own = job(tmp_path, 0, "running")
    assert state(own) == "cut off"
    with at_work(own.run_dir):
        assert state(own) == "running"


def test_one_without_a_readable_record_is_new(tmp_path: Path) -> None:
    own = job(tmp_path, 0, None)
    assert state(own) == "new"
    (own.run_dir / "record.json").write_text("{")
    assert record_of(own) is None
    assert state(own) == "new"


def test_its_end_is_a_line_with_its_number_and_score(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert tell_end(job(tmp_path, 0), "[1/2]", 61.4, ", 5 s left")
        assert not tell_end(job(tmp_path, 1, "failed", "ValueError: a\nno"), "[2/2]", 1.0)
    assert caplog.messages == [
        "[1/2] ok after 61 s: seed=0  test_accuracy 0.9125, 5 s left",
        "[2/2] failed: seed=1: no",
    ]
    assert [one.levelno for one in caplog.records] == [logging.INFO, logging.ERROR]


def test_other_sweepers_are_told_the_criterion(tmp_path: Path) -> None:
    own = job(tmp_path, 0)
    told = record_of(own)
    assert told is not None
    assert returned(own).return_value == told["metrics"]["val_accuracy"]
    assert returned(job(tmp_path, 1, None)).return_value is None


def test_where_all_are_ok_it_says_where_the_table_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sum_up([job(tmp_path, 0), job(tmp_path, 1)], 1, tmp_path)
    assert capsys.readouterr().out == "2 of 2 runs ok, 1 of them before\nresults.csv\n"
    assert len(read_results(tmp_path / "results.csv")) == 2


def test_what_is_not_is_told_with_what_to_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [
        job(tmp_path, 0),
        job(tmp_path, 1, "failed", "RuntimeError: oh\nboom"),
        job(tmp_path, 2, "interrupted"),
        job(tmp_path, 3, None),
    ]
    with pytest.raises(SweepFailedError) as error:
        sum_up(jobs, 0, tmp_path)
    assert str(error.value).splitlines() == [
        "1 of 4 runs failed:",
        "  seed=1: boom",
        "2 of 4 runs are not done",
        "the same command, or kdrun resume, runs only these",
    ]
    assert capsys.readouterr().out.startswith("1 of 4 runs ok\n")


@pytest.mark.parametrize(
    ("errors", "mistake"),
    [
        (["ValueError: no such data"] * 2, True),
        (["FileNotFoundError: no such data"] * 2, True),
        (["ValueError: no such data", "ValueError: other"], False),
        (["RuntimeError: no such data"] * 2, False),
    ],
)
def test_one_mistake_of_the_user_in_all_of_them_is_that_mistake(
    tmp_path: Path, errors: list[str], mistake: bool
) -> None:
    jobs = [job(tmp_path, n, "failed", told) for n, told in enumerate(errors)]
    with pytest.raises(ValueError if mistake else SweepFailedError, match="no such data") as error:
        sum_up(jobs, 0, tmp_path)
    assert (str(error.value) == "no such data") is mistake
