"""Stage 4 of 4: what comes out of a finished training, from one look at the test split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from kdrun.dataset.seen import write_seen
from kdrun.model.features import Student
from kdrun.results import plots
from kdrun.results.record import write_atomic, write_metrics
from kdrun.results.table import to_csv
from kdrun.run import notes
from kdrun.run.course import Course
from kdrun.run.folder import MEAN
from kdrun.run.scores import score, write_weights
from kdrun.score.evaluate import peak_memory_mb, ratio
from kdrun.score.gain import gains
from kdrun.teacher.doubt import Judged, judge
from kdrun.teacher.lineage import Role
from kdrun.teacher.network import Frozen
from kdrun.terminal import phases


@dataclass(frozen=True)
class Scores:
    """What is known of a trained network; its weights and pictures lie in its folder.

    Attributes:
        role: its name and model.
        folder: where its files are.
        metrics: by column.
        predicted: how many test samples were given to each class.
        notes: what a reader of the metrics must know, a sentence each.
        transferred: what record.json tells of the transfer.
    """

    role: Role
    folder: Path
    metrics: dict[str, Any]
    predicted: dict[str, int]
    notes: list[str]
    transferred: dict[str, Any]


def judged(course: Course) -> Judged:
    """What the teacher knows of labelled samples that the student is not tested on."""
    parts = course.parts
    if parts.teacher is None or parts.roles.teacher is None:
        return Judged({}, "")
    name, foreign = parts.roles.teacher["name"], bool(parts.networks.told)
    return judge(name, parts.teacher, parts.data, parts.load.val, parts.load, foreign=foreign)


def finish(course: Course, known: Judged) -> Scores:
    """Score the student on the test split, once, and write the run's weights and pictures.

    Args:
        course: at its end.
        known: what the teacher knows, as it was found before.
    """
    parts, start, training = course.parts, course.start, course.training
    history, student = training.history, training.student
    write_seen(parts.run_dir, parts.data)
    write_metrics(parts.run_dir, history)
    best = training.best.get("epoch", len(history))
    chosen = history[best - 1] if history else {}
    transferred = dict(start.transferred)
    if parts.strategy is not None:
        if rows := parts.strategy.finish(student, course.measure):
            table = to_csv(rows, leading=list(rows[0]))
            write_atomic(parts.run_dir / f"{parts.transfer}.csv", table)
            chosen = course.validate(student)
        transferred |= parts.strategy.report
    metrics, predicted = _score(course, student, parts.roles.student, parts.run_dir)
    if parts.data.source is not None and parts.data.task.classifies:
        accuracy = metrics["test_accuracy"]
        metrics |= gains(student, start.untouched, parts.data, parts.load, accuracy)
    metrics[course.criterion] = chosen.get(course.criterion)
    metrics |= known.columns
    if parts.teacher is not None:
        passes = [float(row.get("teacher_passes", 1) or 0) for row in history]
        metrics["teacher_passes"] = sum(passes)
    plots.curves(history, parts.run_dir / "curves.png")
    told = remarks(course, known, metrics, predicted)
    return Scores(parts.roles.student, parts.run_dir, metrics, predicted, told, transferred)


def finish_peers(course: Course, known: Judged) -> Iterator[Scores]:
    """Score the networks that were trained beside the student, each in a folder of its own."""
    run_dir, method = course.parts.run_dir, course.training.method
    for name, role in course.parts.roles.peers.items():
        folder = run_dir.with_name(f"{run_dir.name}_{name}")
        folder.mkdir(exist_ok=True)
        peer = cast(Student, method.get_submodule(f"peers.{name}"))
        last = {course.criterion: course.validate(peer).get(course.criterion)}
        metrics, predicted = _score(course, peer, role, folder)
        metrics |= last
        told = remarks(course, known, metrics, predicted)
        yield Scores(role, folder, metrics, predicted, told, {})


def shortcomings(course: Course, known: Judged) -> list[str]:
    """What is known before the training to be less than was asked for: see `notes`."""
    strategy = course.parts.strategy
    adaptation = strategy.adaptation if strategy is not None else None
    objectives = {"loss": course.training.method.objective, "transfer": adaptation}
    doubts = [known.doubt] if known.doubt else []
    return [*doubts, *notes.shortcomings(objectives, course.start.settings.epochs)]


def remarks(
    course: Course, known: Judged, metrics: dict[str, Any], predicted: dict[str, int]
) -> list[str]:
    """What a reader of the metrics must know, a sentence each."""
    terms = notes.small_terms(course.training.history, course.idle)
    answers = notes.answers(metrics, predicted, course.parts.data)
    return [*shortcomings(course, known), *terms, *answers, *notes.measured(metrics)]


def _score(
    course: Course, student: Student, role: Role, folder: Path
) -> tuple[dict[str, Any], dict[str, int]]:
    """Metrics of a network by column, and how often it predicted each class."""
    parts, history = course.parts, course.training.history
    phases.score(f"{parts.who.partition(' ')[0]} {role['name']}", len(parts.data.test))
    mean = course.training.method.grown()
    grown = Frozen(mean) if mean is not None else None
    metrics, predicted = score(
        student,
        role,
        folder,
        parts.data,
        parts.load(parts.data.test),
        parts.teacher or grown,
        parts.settings.batch_size,
        parts.device,
        parts.cache,
        course.start.val,
    )
    if mean is not None:
        write_weights(folder / MEAN, mean, role, parts.data)
    seconds = sum(float(row["seconds"] or 0) for row in history)
    seen = len(parts.data.train) * len(history)
    measured = {
        "train_seconds": course.start.seconds + seconds,
        "samples_per_second": ratio(seen, seconds),
        "peak_memory_mb": peak_memory_mb(parts.device),
    }
    return metrics | measured, predicted
