"""Runs in MLflow, local or on a server."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, ClassVar

from filelock import FileLock

from kdrun.results.record import Record
from kdrun.results.table import Row, flatten

STATUS = {"ok": "FINISHED", "failed": "FAILED"}
"""MLflow's words; one that was pruned or cut off is KILLED until it goes on."""

RUN_DIR = "kdrun.run_dir"
"""The tag by which a run that goes on is found again."""

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would report its use to its makers
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # its 7 keep a run waiting for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
"""Set unless the user has set them."""

PARAMS = 100
"""As many as MLflow takes at once."""


class MLflow:
    """Each run is one of MLflow's, in the experiment of its `name`.

    Args:
        run_dir: of the run.
        experiment: what its runs are filed under.
        uri: where MLflow keeps them; None for MLFLOW_TRACKING_URI, or without that for mlflow.db,
            an SQLite file, in the experiment's folder.
    """

    library: ClassVar[str] = "mlflow"

    def __init__(self, run_dir: Path, experiment: str, uri: str | None = None) -> None:
        self.run_dir, self.experiment, self.uri = run_dir.resolve(), experiment, uri
        self.client: Any = None
        self.run = ""
        self.last = 0

    def begin(self, record: Record, anew: bool) -> int:
        """Find the run of this folder, or make one; and say what it already has."""
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        from mlflow.tracking import MlflowClient

        folder = self.run_dir.parent
        uri = self.uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder}/mlflow.db"
        # Of many processes that begin at once, one makes the tables and the experiment.
        with FileLock(folder / ".mlflow.lock"):
            self.client = MlflowClient(uri)
            found = self.client.get_experiment_by_name(self.experiment)
            place = found.experiment_id if found else self._make(uri, folder)
            known = None if anew else self._known(place)
            if known is None:
                tags = {RUN_DIR: str(self.run_dir), "mlflow.source.name": "kdrun"}
                made = self.client.create_run(place, run_name=record["run_id"], tags=tags)
                known = made.info.run_id
        self.run = known
        self.client.update_run(self.run, status="RUNNING")
        self._params(record)
        steps = [point.step for point in self.client.get_metric_history(self.run, "seconds")]
        self.last = max(steps, default=0)
        return self.last

    def _make(self, uri: str, folder: Path) -> str:
        # A server knows where its files go; MLflow alone would take the working folder.
        files = None if uri.startswith("http") else (folder / "mlartifacts").as_uri()
        made: str = self.client.create_experiment(self.experiment, artifact_location=files)
        return made

    def _known(self, place: str) -> str | None:
        quote = '"' if "'" in str(self.run_dir) else "'"
        mine = f"tags.`{RUN_DIR}` = {quote}{self.run_dir}{quote}"
        runs = self.client.search_runs([place], mine, order_by=["start_time DESC"], max_results=1)
        return runs[0].info.run_id if runs else None

    def _params(self, record: Record) -> None:
        from mlflow.entities import Param, RunTag

        settings = {key: str(value) for key, value in flatten(record["config"]).items()}
        params = [Param(key, value[:6000]) for key, value in settings.items() if value]
        for first in range(0, len(params), PARAMS):
            self.client.log_batch(self.run, params=params[first : first + PARAMS])
        told = {key: str(value) for key, value in record["run"].items() if value is not None}
        tags = [RunTag(f"kdrun.{key}", value) for key, value in told.items()]
        self.client.log_batch(self.run, tags=tags)

    def epoch(self, row: Row) -> None:
        """A point of each curve."""
        self.last = int(str(row["epoch"]))
        self._log({name: value for name, value in row.items() if name != "epoch"})

    def _log(self, values: dict[str, Any]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        metrics = [Metric(name, float(value), now, self.last) for name, value in numbers.items()]
        self.client.log_batch(self.run, metrics=metrics)

    def end(self, record: Record) -> None:
        """The final metrics, and how it ended."""
        self._log(dict(record["metrics"]))
        if record["error"]:
            self.client.set_tag(self.run, "kdrun.error", record["error"][:5000])
        self.client.set_terminated(self.run, STATUS.get(record["status"], "KILLED"))
