"""Scores of a student on labelled data, in all and by domain, and the rows of evaluations.csv."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import nn

from kdrun.dataset.digest import digest
from kdrun.dataset.loader import make_loader
from kdrun.dataset.seen import count_known
from kdrun.evaluate.reads import Labelled
from kdrun.files.checkpoint import weights_file
from kdrun.files.fingerprint import contents
from kdrun.results.record import write_atomic
from kdrun.results.table import Row, read_csv, to_csv
from kdrun.score.intervals import Interval, intervals
from kdrun.task import Task
from kdrun.task.metrics import Metric

SAME = ("data", "domain", "data_hash", "weights_sha256")
"""Columns by which a row is of the same measurement as another, and takes its place."""

LEADING = ("run_id", "data", "domain", "samples")


@dataclass(frozen=True)
class Line:
    """How good a student is on some data.

    Attributes:
        run_id: of the student.
        weights: the SHA-256 of its file.
        data: as they were typed.
        domain: of these samples; empty for all.
        samples: how many.
        data_hash: digits that tell the data from others.
        metrics: of `Task.metrics`.
        intervals: of those that have one.
        kinds: what each metric is.
    """

    run_id: str
    weights: str
    data: str
    domain: str
    samples: int
    data_hash: str
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    kinds: tuple[Metric, ...]

    def row(self) -> Row:
        """As a row of a table."""
        found: Row = {
            "run_id": self.run_id,
            "data": self.data,
            "domain": self.domain,
            "samples": self.samples,
        }
        for name, value in self.metrics.items():
            found[name] = value
            low, high = self.intervals.get(name, (None, None))
            found |= {f"{name}_low": low, f"{name}_high": high}
        found |= {"data_hash": self.data_hash, "weights_sha256": self.weights}
        return found | {"evaluated": datetime.now(UTC).isoformat(timespec="seconds")}


def scored(
    run: str,
    network: nn.Module,
    task: Task,
    found: Labelled,
    name: str,
    batch_size: int,
    device: torch.device,
    tell: Callable[[str], None],
) -> list[Line]:
    """Ask a student about every sample, once.

    Args:
        run: its folder or file.
        network: from `Batch` to `Outputs`, in evaluation mode.
        task: with its classes.
        found: what it is asked about.
        name: the data, as they were typed.
        batch_size: samples at a time.
        device: where the network is.
        tell: what is done with a sentence about the data.

    Returns:
        A line for all of them, then one for each domain.

    Raises:
        ValueError: what was noted of the student's training samples is damaged.
    """
    split = found.split
    if known := count_known(Path(run), split):
        tell(
            f"{known:,} of the {len(split):,} samples are among those that the student was trained "
            "on: of these the numbers say nothing about new data"
        )
    tally = task.tally()
    tally.keeps = True
    loader = make_loader(split, batch_size, seed=0, train=False, device=device, task=task)
    with torch.no_grad():
        for batch in loader.epoch(0):
            tally.add(network(batch), None, batch)
    everything = torch.arange(len(split))
    groups = {"": everything}
    for home in sorted({*(found.domains or ())}):
        inside = [place for place, one in enumerate(found.domains or ()) if one == home]
        groups[home] = torch.tensor(inside)
    told = (*who(run), name)
    told_hash = digest(split)
    lines = []
    for home, members in groups.items():
        part = tally if home == "" else tally.some(members)
        if part is None:
            tell(f"of the task {task.name}, domains are not told apart")
            break
        ends = intervals(tally, members, task)
        metrics = part.scores().metrics
        lines.append(Line(*told, home, len(members), told_hash, metrics, ends, task.metrics))
    return lines


def who(run: str) -> tuple[str, str]:
    """What a student is called, and the SHA-256 of its file."""
    file = weights_file(run)
    name = Path(run).resolve().name if Path(run).is_dir() else file.name
    return name, contents([str(file)])[0]


def write(path: Path, lines: Sequence[Line]) -> None:
    """Add rows to a table; those of the same data and weights are replaced.

    Raises:
        ValueError: what is there is no such table.
        OSError: nothing can be written there.
    """
    from filelock import FileLock

    rows = [line.row() for line in lines]
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        text = frozenset({"run_id", *SAME})
        before = read_csv(path, text, [*SAME]) if path.is_file() else []
        new = {_same(row) for row in rows}
        kept = [row for row in before if _same(row) not in new]
        write_atomic(path, to_csv([*kept, *rows], LEADING))


def _same(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name] or "") for name in SAME)
