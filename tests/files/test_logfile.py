"""Files of a run's folder are opened where they are."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from kdrun.files.logfile import OURS, RunLog, append, refuse_links


def test_it_appends_and_makes(tmp_path: Path) -> None:
    for word in (b"a", b"b"):
        with append(tmp_path / "run.log") as file:
            file.write(word)
    assert (tmp_path / "run.log").read_bytes() == b"ab"


def test_it_writes_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "run.log").symlink_to(tmp_path / "victim")
    with pytest.raises(ValueError, match="is a symbolic link"):
        append(tmp_path / "run.log")
    with pytest.raises(ValueError, match="is a symbolic link"):
        RunLog(str(tmp_path / "run.log"))
    assert (tmp_path / "victim").read_text() == "precious"


def test_other_errors_are_left_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        append(tmp_path / "none" / "run.log")


@pytest.mark.parametrize("name", OURS)
def test_a_folder_with_a_link_is_refused(tmp_path: Path, name: str) -> None:
    refuse_links(tmp_path)
    (tmp_path / name).symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="kdrun writes through none: remove it"):
        refuse_links(tmp_path)


def test_a_log_holds_what_is_logged(tmp_path: Path) -> None:
    handler = RunLog(str(tmp_path / "run.log"), delay=True)
    handler.emit(logging.makeLogRecord({"msg": "grün"}))
    handler.close()
    assert (tmp_path / "run.log").read_text("utf-8") == "grün\n"
