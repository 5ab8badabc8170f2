"""What comes out of a trained experiment: scores on the test split, weights and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from kdrun.dataset.seen import write_seen
from kdrun.results import plots
from kdrun.results.record import write_atomic, write_metrics
from kdrun.results.table import to_csv
from kdrun.run.folder import MEAN
from kdrun.run.scores import score, write_weights
from kdrun.score.evaluate import peak_memory_mb, ratio
from kdrun.score.gain import gains
from kdrun.teacher.building import Role
from kdrun.teacher.network import Frozen
from kdrun.terminal import phases

if TYPE_CHECKING:
    from kdrun.run.experiment import Experiment


def finish(made: Experiment) -> dict[str, Any]:
    """Score the student on the test split, once, and write the run's weights and pictures.

    Args:
        made: the experiment, trained.

    Returns:
        Metrics by column.
    """
    history = made.training.history
    write_seen(made.run_dir, made.data)
    write_metrics(made.run_dir, history)
    student = made.training.student
    best = made.training.best.get("epoch", len(history))
    chosen = history[best - 1] if history else {}
    if made.strategy is not None:
        if rows := made.strategy.finish(student, made.measure):
            name = made.config["transfer"]["name"]
            write_atomic(made.run_dir / f"{name}.csv", to_csv(rows, leading=list(rows[0])))
            chosen = made.validate(student)
        made.transferred |= made.strategy.report
    metrics = _score(made, student, made.config["student"], made.run_dir)
    if made.data.source is not None and made.data.task.named:
        accuracy, load = metrics["test_accuracy"], made.builder.loader
        metrics |= gains(student, made.untouched, made.data, load, accuracy)
    metrics[made.criterion] = chosen.get(made.criterion)
    metrics |= made.judged.columns
    plots.curves(history, made.run_dir / "curves.png")
    return metrics


def finish_peers(made: Experiment) -> Iterator[tuple[Path, Role, dict[str, Any]]]:
    """Score the networks that were trained beside the student, each in a folder of its own."""
    for name, role in made.builder.peer_roles().items():
        folder = made.run_dir.with_name(f"{made.run_dir.name}_{name}")
        folder.mkdir(exist_ok=True)
        peer = made.training.method.get_submodule(f"peers.{name}")
        last = {made.criterion: made.validate(peer).get(made.criterion)}
        yield folder, role, _score(made, peer, role, folder) | last


def _score(made: Experiment, student: nn.Module, role: Role, run_dir: Path) -> dict[str, Any]:
    phases.score(f"{made.who.partition(' ')[0]} {role['name']}", len(made.data.test))
    mean = made.training.method.grown()
    grown = Frozen(mean) if mean is not None else None
    metrics, made.predicted = score(
        student,
        role,
        run_dir,
        made.data,
        made.builder.loader(made.data.test),
        made.teacher or grown,
        made.settings.batch_size,
        made.device,
        Path(made.config["cache"]),
        made.val_loader,
    )
    if mean is not None:
        write_weights(run_dir / MEAN, mean, role, made.data)
    seconds = sum(float(row["seconds"] or 0) for row in made.training.history)
    seen = len(made.data.train) * len(made.training.history)
    return metrics | {
        "train_seconds": made.transfer_seconds + seconds,
        "samples_per_second": ratio(seen, seconds),
        "peak_memory_mb": peak_memory_mb(made.device),
    }
