"""What Hydra calls for each job, and what is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdrun.run.calls import Runs, told
from tests import fabricated


def test_where_a_failure_can_be_read_of(tmp_path: Path) -> None:
    runs = Runs()
    runs.run_dir = tmp_path
    assert runs.left() == []  # a full disk holds neither row nor log
    (tmp_path / "run.log").write_text("")
    assert runs.left() == []
    (tmp_path / "run.log").write_text("why")
    assert runs.left() == ["run.log has more"]


def test_jobs_that_failed_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    runs = Runs(job=True)
    runs.ended = 3
    assert runs.summed() == 0
    assert capsys.readouterr().out == ""
    runs.failed += [("one", ValueError("x")), ("two", OSError("y"))]
    assert runs.summed() == 2
    assert capsys.readouterr().out.splitlines() == ["2 of 3 runs failed:", "  one", "  two"]


def test_a_row_then_what_is_to_be_known_then_the_folder(tmp_path: Path) -> None:
    one = fabricated.record(seed=3) | {"notes": ["the teacher is worse"]}
    lines = told(one, tmp_path).splitlines()
    assert "resnet8x4" in "".join(lines)
    assert "note: the teacher is worse" in lines
    assert lines[-1].endswith(tmp_path.name)
