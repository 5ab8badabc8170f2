"""A run is believed to be done by what its folder holds, and by nothing else."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest

from kdrun.config.schema import Rerun
from kdrun.results.record import save_record
from kdrun.run.done import ended, refuse_another
from kdrun.run.folder import STUDENT
from tests.fabricated import record

WHO = "a" * 64
WEIGHTS = b"some numbers"


def run(folder: Path, status: str = "ok", weights: bytes | None = WEIGHTS, who: str = WHO) -> Path:
    """The folder of a run as it was left."""
    made = record(0)
    made |= {"status": status, "identity": who}
    made["weights_sha256"] = hashlib.sha256(WEIGHTS).hexdigest()
    save_record(folder, made)
    if weights is not None:
        (folder / STUDENT).write_bytes(weights)
    return folder


@pytest.mark.parametrize(
    ("rerun", "kept"),
    [
        (Rerun.failed, {"ok"}),
        (Rerun.none, {"ok", "failed", "pruned"}),
        (Rerun.all, set()),
        (Rerun.teachers, set()),
    ],
)
@pytest.mark.parametrize("status", ["ok", "failed", "pruned", "running", "interrupted"])
def test_which_runs_stay_as_they_ended(
    tmp_path: Path, rerun: Rerun, kept: set[str], status: str
) -> None:
    found = ended(run(tmp_path, status), rerun, WHO)
    assert (found is not None) is (status in kept)
    assert found is None or found["status"] == status


def test_another_run_in_the_folder_is_not_this_one(tmp_path: Path) -> None:
    assert ended(run(tmp_path), Rerun.failed, "b" * 64) is None
    assert ended(tmp_path / "nowhere", Rerun.failed, WHO) is None


def test_other_weights_are_told_and_trained_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, weights=b"somebody else's")
    with caplog.at_level(logging.WARNING):
        assert ended(tmp_path, Rerun.failed, WHO) is None
    assert "is not the one that its record tells of, so it is trained again" in caplog.text


def test_weights_that_are_gone_matter_to_who_needs_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, weights=None)
    assert ended(tmp_path, Rerun.failed, WHO) is not None
    assert ended(tmp_path, Rerun.failed, WHO, needed=True) is None
    assert f"its {STUDENT} is gone, so it is trained again" in caplog.text
    run(tmp_path, status="failed")
    assert ended(tmp_path, Rerun.none, WHO, needed=True) is not None  # it has none to lose


def test_a_record_that_cannot_be_read_is_no_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (run(tmp_path) / "record.json").write_text("{")
    assert ended(tmp_path, Rerun.failed, WHO) is None
    assert "starts again from its checkpoint" in caplog.text


def test_only_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    refuse_another(tmp_path, WHO)
    refuse_another(run(tmp_path), WHO)
    with pytest.raises(ValueError, match=r"holds another run: .* name another folder, or remove"):
        refuse_another(tmp_path, "b" * 64)
    with pytest.raises(ValueError, match="holds another run"):
        refuse_another(run(tmp_path, who=""), WHO)
