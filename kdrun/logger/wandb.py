"""Runs in Weights & Biases: on this machine, until somebody sends them with `wandb sync`."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from kdrun.config.nearest import nearest
from kdrun.results.record import Record
from kdrun.results.table import Row, flatten

Mode = Literal["offline", "online"]

QUIET = {
    "WANDB_SILENT": "true",
    "WANDB_ERROR_REPORTING": "false",  # it would report its faults to its makers
    "WANDB_DISABLE_GIT": "true",
    "WANDB_DISABLE_CODE": "true",
}
"""Set unless the user has set them."""


class WandB:
    """Each run is one of W&B's, in the project of its `name`.

    Offline, a run that goes on writes all of its epochs again, so that no step is there twice;
    online it goes on where it was. Nothing but settings and metrics is written: no code, no
    console, no names of machine and programs.

    Args:
        run_dir: of the run, which `wandb/` is put into.
        experiment: the project.
        mode: offline, or online, which sends settings and metrics to a server.
        entity: whose project it is, online; None for the user's own.

    Raises:
        ValueError: there is no such mode.
    """

    library: ClassVar[str] = "wandb"

    def __init__(
        self, run_dir: Path, experiment: str, mode: Mode = "offline", entity: str | None = None
    ) -> None:
        if mode not in get_args(Mode):
            raise ValueError(f"mode={mode} is not defined; {nearest(mode, get_args(Mode))}")
        self.run_dir, self.experiment = run_dir.resolve(), experiment
        self.mode, self.entity = mode, entity
        self.run: Any = None

    def begin(self, record: Record, anew: bool) -> int:
        """Open a run, or go on with it online; and say what it already has."""
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        import wandb

        if self.mode == "offline":
            shutil.rmtree(self.run_dir / "wandb", ignore_errors=True)
        made = f"{self.run_dir} {record.get('started', '') if anew else ''}"
        self.run = wandb.init(
            project=self.experiment.replace("/", "-"),
            entity=self.entity,
            name=record["run_id"],
            id=hashlib.sha256(made.encode()).hexdigest()[:16],
            dir=str(self.run_dir),
            config=flatten(record["config"]),
            mode=self.mode,
            resume="allow" if self.mode == "online" else None,
            reinit="create_new",
            settings=wandb.Settings(
                console="off", save_code=False, disable_git=True, x_disable_stats=True,
                x_disable_meta=True, x_disable_machine_info=True, x_save_requirements=False,
            ),
        )  # fmt: skip
        return int(self.run.step) if self.mode == "online" and self.run.resumed else 0

    def epoch(self, row: Row) -> None:
        """A point of each curve."""
        values = {key: value for key, value in row.items() if value is not None and key != "epoch"}
        self.run.log(values, step=int(str(row["epoch"])))

    def end(self, record: Record) -> None:
        """The final metrics, and how it ended."""
        told = {key: value for key, value in record["metrics"].items() if value is not None}
        self.run.summary.update({**told, "status": record["status"]})
        if record["error"]:
            self.run.summary["error"] = record["error"][:5000]
        self.run.finish(exit_code=0 if record["status"] == "ok" else 1)
