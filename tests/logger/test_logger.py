"""Trackers cannot harm a run: their faults are warnings, and they are no part of what it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kdrun.config.called import Called
from kdrun.logger import Tracking
from kdrun.results.record import write_metrics
from tests.conftest import Told

RUN = ("method=supervised", "student=linear", "train.epochs=3", "train.progress=false")

DIARY = '''
from pathlib import Path

class Diary:
    """Writes down what it is told; fails where `fails` says."""

    def __init__(self, run_dir, experiment, fails=""):
        self.file, self.fails = Path(run_dir) / "diary.txt", fails.split("+")
        self.write("init", experiment)

    def write(self, *words):
        with self.file.open("a") as file:
            print(*words, file=file)
        if words[0] in self.fails or " ".join(words) in self.fails:
            raise OSError(f"no ink for {words[0]}")

    def begin(self, record, anew):
        self.write("begin", str(anew))
        return 0

    def epoch(self, row):
        self.write("epoch", str(row["epoch"]))

    def end(self, record):
        self.write("end", record["status"])
'''


@pytest.fixture
def diary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Overrides for a run with a diary that fails somewhere."""
    (tmp_path / "diaries.py").write_text(DIARY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "diaries", raising=False)

    def words(fails: str = "") -> list[str]:
        return [
            *RUN,
            "plugins=[diaries]",
            f"+logger.d={{_target_: diaries.Diary, fails: '{fails}'}}",
        ]

    return words


def told(folder: Path) -> list[str]:
    return (folder / "diary.txt").read_text().splitlines()


def test_a_tracker_is_told_all_and_is_no_part_of_what_a_run_is(
    kdrun: Callable[..., Told], diary: Callable[..., list[str]]
) -> None:
    assert kdrun(*diary(), "name=mine").status == 0
    (folder,) = Path("outputs/mine").glob("*/")
    record = folder / "record.json"
    expected = ["init mine", "begin False", "epoch 1", "epoch 2", "epoch 3", "end ok"]
    assert told(folder) == expected
    before = record.stat().st_mtime_ns
    assert kdrun(*RUN, "name=mine").status == 0  # without it, it is the same run, and done
    assert kdrun(*diary(), "name=mine").status == 0
    assert record.stat().st_mtime_ns == before
    assert told(folder) == expected
    assert kdrun(*diary(), "name=mine", "rerun=all").status == 0
    assert told(folder)[6:] == ["init mine", "begin True", *expected[2:]]
    assert list(Path("outputs/mine").glob("*/")) == [folder]
    written = json.loads(record.read_text())
    assert written["runtime"]["logger"] == ["d"]
    assert "logger" not in written["config"]


def test_a_fault_is_one_warning_and_what_was_missed_is_told_at_the_end(
    kdrun: Callable[..., Told], diary: Callable[..., list[str]]
) -> None:
    ended = kdrun(*diary("epoch 2"))
    assert ended.status == 0, ended.err
    (folder,) = Path("outputs/default").glob("*/")
    assert told(folder)[1:] == ["begin False", "epoch 1", "epoch 2", "epoch 2"]
    assert (folder / "run.log").read_text().count("logger=d: OSError: no ink") == 1


@pytest.mark.parametrize("fails", ["init", "begin", "end"])
def test_a_fault_anywhere_is_one_warning(
    fails: str,
    diary: Callable[..., list[str]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    diary()
    part = Called("logger.d", "logger", {"_target_": "diaries.Diary", "fails": fails}, ("diaries",))
    tracking = Tracking({"d": part}, tmp_path, "x")
    record: Any = {"status": "ok"}
    tracking.begin(record, anew=False)
    write_metrics(tmp_path, [{"epoch": 1}])
    tracking.epoch()
    tracking.end(record)
    whole = ["init x", "begin False", "epoch 1", "end ok"]
    stops = [word.startswith(fails) for word in whole].index(True)
    assert told(tmp_path) == whole[: stops + 1]
    assert [line.getMessage() for line in caplog.records] == [
        f"logger=d: OSError: no ink for {fails}; the run goes on without it"
    ]


class Flaky:
    library = "json"

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.away = False
        self.ended = ""

    def begin(self, record: Any, anew: bool) -> int:
        return 1

    def epoch(self, row: Any) -> None:
        if self.away:
            raise ConnectionError("away")
        self.rows.append(row["epoch"])

    def end(self, record: Any) -> None:
        self.ended = record["status"]


def test_a_tracker_that_was_away_is_told_what_it_missed(tmp_path: Path) -> None:
    tracker = Flaky()
    tracking = Tracking({}, tmp_path, "x")
    tracking.loggers["flaky"] = tracker
    record: Any = {"status": "running"}
    tracking.begin(record, anew=False)
    history: list[dict[str, int]] = []
    for epoch in range(1, 6):
        tracker.away = epoch == 3
        history.append({"epoch": epoch, "loss": 1})
        write_metrics(tmp_path, history)
        tracking.epoch()
    assert tracker.rows == [2]  # 1 it had before, and after the fault it is left alone
    tracking.end({**record, "status": "ok"})
    assert tracker.rows == [2, 3, 4, 5]
    assert tracker.ended == "ok"


def test_a_missing_library_is_told_before_training(
    kdrun: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find = importlib.util.find_spec
    gone = ("mlflow", "tensorboard")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name in gone else find(name, *a)
    )
    ended = kdrun(*RUN, "logger=[tensorboard,mlflow]")
    assert ended.status == 2
    for name in gone:
        assert f"logger={name}: {name} is not installed: pip install 'kdrun[{name}]'" in ended.err
    assert not list(Path("outputs").glob("*/*/checkpoint.pt"))


def test_mistakes_in_its_config_are_told(kdrun: Callable[..., Told]) -> None:
    ended = kdrun(*RUN, "logger=mlfow")
    assert ended.status == 2
    assert "did you mean 'mlflow'?" in ended.err
    ended = kdrun(*RUN, "logger=mlflow", "logger.mlflow.url=x")
    assert ended.status == 2
    assert "did you mean 'uri'?" in ended.err


def test_a_cached_teacher_is_not_tracked(
    kdrun: Callable[..., Told], diary: Callable[..., list[str]]
) -> None:
    words = [*diary()[1:], "method=distill", "teacher=mlp", "teacher.recipe.epochs=1"]
    assert kdrun(*words).status == 0
    assert [path.parts[1] for path in Path("outputs").rglob("diary.txt")] == ["default"]


def test_nothing_is_imported_that_is_not_used() -> None:
    code = (
        "import sys, kdrun.run.life, kdrun.logger.mlflow, kdrun.logger.tensorboard;"
        "print({'torch', 'mlflow', 'tensorboard'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "set()"
