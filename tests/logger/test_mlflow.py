"""`logger=mlflow`: a run of MLflow for each run, whatever happens to the process."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kdrun.results.record import read_metrics
from tests.conftest import Told
from tests.forked import Forked
from tests.logger.test_logger import RUN

pytest.importorskip("mlflow")
pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

# MLflow's, about SQLAlchemy 2.1.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

BOMB = """
import os, signal
from pathlib import Path

class Bomb:
    def __init__(self, run_dir):
        pass

    def begin(self, record, anew):
        return 0

    def epoch(self, row):
        if row["epoch"] == 2 and not Path("defused").exists():
            os.kill(os.getpid(), signal.SIGKILL)

    def end(self, record):
        pass
"""


@pytest.fixture(autouse=True)
def nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def client(folder: str) -> Any:
    from mlflow.tracking import MlflowClient

    return MlflowClient(f"sqlite:///{Path(folder).resolve()}/mlflow.db")


def runs(folder: str) -> list[Any]:
    found = client(folder)
    place = found.get_experiment_by_name(Path(folder).name)
    return list(found.search_runs([place.experiment_id]))


def test_killed_and_resumed_it_is_one_run_with_each_step_once(
    kdrun: Callable[..., Told], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bombs.py").write_text(BOMB)
    monkeypatch.syspath_prepend(tmp_path)
    # The bomb is told first: when it goes off, epoch 2 is in the checkpoint and not in MLflow.
    words = [
        *RUN,
        "plugins=[bombs]",
        "+logger.bomb={_target_: bombs.Bomb}",
        "+logger.mlflow={_target_: kdrun.logger.mlflow.MLflow}",
    ]
    killed = Forked(*words)
    told, _ = killed.communicate()
    assert killed.returncode == -signal.SIGKILL, told
    (run,) = runs("outputs/default")
    assert run.info.status == "RUNNING"
    (tmp_path / "defused").touch()
    ended = kdrun(*words)
    assert ended.status == 0, ended.err
    (run,) = runs("outputs/default")
    assert run.info.status == "FINISHED"
    (folder,) = Path("outputs/default").glob("*/")
    points = client("outputs/default").get_metric_history(run.info.run_id, "loss")
    rows = read_metrics(folder)
    assert [point.step for point in points] == [1, 2, 3]
    assert [point.value for point in points] == pytest.approx([row["loss"] for row in rows])


def test_a_sweep_is_an_experiment_and_each_run_a_run(kdrun: Callable[..., Told]) -> None:
    ended = kdrun("-m", *RUN, "name=rates", "logger=mlflow", "optimizer.lr=0.01,1e30")
    assert ended.status == 1
    by_rate = {run.data.params["optimizer.lr"]: run for run in runs("outputs/rates")}
    good, bad = by_rate["0.01"], by_rate["1e+30"]
    assert good.info.status == "FINISHED"
    assert good.data.metrics["test_accuracy"] > 0.1
    assert good.data.tags["kdrun.student"] == "linear"
    assert good.info.run_name.startswith("supervised_linear_digits_s0-")
    assert bad.info.status == "FAILED"
    assert "not finite" in bad.data.tags["kdrun.error"]


def test_a_server_that_is_away_costs_a_warning(kdrun: Callable[..., Told]) -> None:
    ended = kdrun(*RUN, "logger=mlflow", "logger.mlflow.uri=http://127.0.0.1:9")
    assert ended.status == 0
    (log,) = Path("outputs/default").glob("*/run.log")
    assert log.read_text().count("logger=mlflow: ") == 1
