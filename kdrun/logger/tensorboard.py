"""Event files for TensorBoard."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

from kdrun.results.record import Record
from kdrun.results.table import Row, flatten


class TensorBoard:
    """Curves, the settings and what came of them, in a folder of the run.

    A run that goes on writes them again from the first epoch: so no step is there twice, and none
    is missing that was not yet on the disk when the process died.

    Args:
        run_dir: of the run; `tensorboard --logdir` takes any folder above it.
    """

    library: ClassVar[str] = "tensorboard"

    def __init__(self, run_dir: Path) -> None:
        self.folder = run_dir / "tensorboard"
        self.writer: Any = None
        self.last = 0

    def begin(self, record: Record, anew: bool) -> int:
        """Open new event files in place of those there are."""
        from torch.utils.tensorboard import SummaryWriter

        shutil.rmtree(self.folder, ignore_errors=True)
        self.writer = SummaryWriter(str(self.folder))
        return 0

    def epoch(self, row: Row) -> None:
        """A point of each curve."""
        self.last = int(str(row["epoch"]))
        for name, value in row.items():
            if name != "epoch" and value is not None:
                self.writer.add_scalar(f"epoch/{name}", value, self.last)
        self.writer.flush()

    def end(self, record: Record) -> None:
        """The settings beside the final metrics, for the tab of hyperparameters."""
        settings = flatten(record["config"]) | {"status": record["status"]}
        known = {key: str(value) if value is None else value for key, value in settings.items()}
        metrics = {
            name: value
            for name, value in record["metrics"].items()
            if isinstance(value, int | float)
        }
        self.writer.add_hparams(known, metrics, run_name=".", global_step=self.last)
        self.writer.close()
