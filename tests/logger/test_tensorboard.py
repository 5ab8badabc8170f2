"""`logger=tensorboard`: what its own reader finds in the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kdrun.logger.tensorboard import TensorBoard
from kdrun.results.record import read_metrics
from tests.conftest import Told
from tests.logger.test_logger import RUN

pytest.importorskip("tensorboard")


def read(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def test_curves_settings_and_final_metrics(kdrun: Callable[..., Told]) -> None:
    ended = kdrun(*RUN, "logger=tensorboard")
    assert ended.status == 0, ended.err
    (folder,) = Path("outputs/default").glob("*/")
    found = read(folder / "tensorboard")
    rows = read_metrics(folder)
    points = found.Scalars("epoch/loss")
    assert [point.step for point in points] == [1, 2, 3]
    assert [point.value for point in points] == pytest.approx([row["loss"] for row in rows])
    assert [point.step for point in found.Scalars("test_accuracy")] == [3]
    assert "_hparams_/session_start_info" in found.summary_metadata


def test_a_run_that_goes_on_has_each_step_once(tmp_path: Path) -> None:
    record: Any = {"config": {"a": {"b": 1}, "c": None}, "status": "ok", "metrics": {"x": 0.5}}
    for epochs in (2, 4):  # killed after two, with nothing closed
        tracker = TensorBoard(tmp_path)
        last = tracker.begin(record, anew=False)
        for epoch in range(last + 1, epochs + 1):
            tracker.epoch({"epoch": epoch, "loss": float(epoch), "lr": None})
    tracker.end(record)
    points = read(tmp_path / "tensorboard").Scalars("epoch/loss")
    assert [(point.step, point.value) for point in points] == [(1, 1), (2, 2), (3, 3), (4, 4)]
