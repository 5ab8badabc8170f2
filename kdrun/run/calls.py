"""What Hydra calls once for each job, and what is told of it on the terminal. Imports no torch."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdrun.terminal.printable import printable

if TYPE_CHECKING:
    from kdrun.results.record import Record
    from kdrun.results.table import Row

log = logging.getLogger(__name__)


class Runs:
    """The task that Hydra calls once per job, and what became of the jobs of this process.

    An error becomes a row and is kept here, so that the other jobs of a sweep go on. What is
    returned, the criterion of the task on the validation split, is for sweepers of other makers.

    Args:
        job: whether each is one of a sweep, though this process has only one to run.
    """

    def __init__(self, job: bool = False) -> None:
        self.job = job
        self.ended = 0
        self.failed: list[tuple[str, Exception]] = []
        self.run_dir: Path | None = None  # of the last one
        self.watch: Any = None  # of the run at hand: a search prunes by it

    def __call__(self, config: Any) -> float | None:
        """Run one composed config."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from kdrun.parallel import machines
        from kdrun.results.record import score
        from kdrun.run.folder import forget
        from kdrun.run.life import run

        run_dir = self.run_dir = Path(HydraConfig.get().runtime.output_dir)
        several = HydraConfig.get().mode is RunMode.MULTIRUN
        self.ended += 1
        execute = run if config.train.nodes == 1 else partial(machines.run, run)
        try:
            record = execute(config, run_dir, self.watch, job=self.job or several)
        except Exception as error:
            if several:  # a run by itself has no more to say than its error
                log.error("failed: %s: %s", run_dir.name, error)
            forget(run_dir)
            self.failed.append((run_dir.name, error))
            return None
        if record["status"] == "pruned":
            return None
        print(told(record, run_dir))
        return score(record)

    def left(self) -> list[str]:
        """Where a failure can be read of, if it is: a full disk holds neither row nor log."""
        from kdrun.results.record import load_record

        found = []
        with suppress(ValueError, OSError):  # then there is no row
            if self.run_dir and load_record(self.run_dir)["status"] == "failed":
                found.append("its row says so")
        if self.run_dir and _has_content(self.run_dir / "run.log"):
            found.append("run.log has more")
        return ["; ".join(found)] if found else []

    def summed(self) -> int:
        """How many jobs failed, which are told."""
        if self.failed:
            names = [name for name, _ in self.failed]
            print(f"{len(names)} of {self.ended} runs failed:", *names, sep="\n  ")
        return len(self.failed)


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


SHOWN = (
    *("method", "dataset", "teacher", "student", "loss", "seed"),
    *("test_accuracy", "test_f1", "teacher_accuracy", "agreement"),
    *("student_params", "compression", "latency_ms", "train_seconds"),
)

HEADLINE = SHOWN.index("test_accuracy")
"""Where that of the task stands, which may be another."""

SPARE = (
    *("compression", "test_f1", "student_params", "train_seconds", "latency_ms", "seed"),
    *("agreement", "method"),
)
"""Those that a narrow terminal need not show, the first of them first; results.csv has all."""


def told(record: Record, run_dir: Path) -> str:
    """The results row for the terminal, what is to be known of it, and its folder.

    Args:
        record: of a run.
        run_dir: its folder.
    """
    from kdrun.compare.present import tabulated
    from kdrun.results.glossary import headline
    from kdrun.results.record import row
    from kdrun.terminal.narrow import narrowed, paragraphs, terminal_width

    flat, width = row(record), terminal_width()
    names = list(dict.fromkeys((*SHOWN[:HEADLINE], headline([flat]), *SHOWN[HEADLINE:])))
    shown: Row = {name: _cell(flat[name]) for name in names if flat.get(name) is not None}
    rows, _ = narrowed([shown], width, SPARE)
    notes = [paragraphs(f"note: {printable(note)}", width) for note in record.get("notes") or ()]
    return "\n".join([tabulated(rows, "table"), *notes, printable(os.path.relpath(run_dir))])


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return printable(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
