"""Every column of results.csv and metrics.csv: what it means, its unit, and which way is better.

Whatever sums up, ranks or prints a column asks here. Metrics are those of the tasks: of kdrun's own
they stand in `kdrun.task.metrics`, and the record of a run has those of its task, which `learn`
adds for this process. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from kdrun.task import metrics as known
from kdrun.task.metrics import Metric, guessed


class Column(NamedTuple):
    """What a column is.

    Attributes:
        meaning: in a line.
        unit: of its numbers; `%` of shares of one, which are shown as per cent; empty without.
        better: whether more or less of it is; empty where neither.
        timed: whether it is about the device as much as about the run.
    """

    meaning: str
    unit: str = ""
    better: Literal["", "more", "less"] = ""
    timed: bool = False


def _of(metrics: Iterable[Metric], prefix: str = "") -> dict[str, Column]:
    """Columns of some metrics."""
    return {f"{prefix}{one.name}": _like(one, one.meaning) for one in metrics}


def _like(metric: Metric, meaning: str) -> Column:
    """A column with the unit and the direction of a metric."""
    return Column(meaning, metric.unit, "less" if metric.less_is_better else "more")


_METRICS = {one.name: one for one in (*known.CLASSIFICATION, *known.REGRESSION)}

IDENTIFYING: dict[str, Column] = {
    "run_dir": Column("folder of the run, relative to that of the table"),
    "run_id": Column("name of the run: what it is in words, its seed, a hash"),
    "status": Column("ok, failed, pruned; running or interrupted while it can go on"),
    "error": Column("why it failed, in one line"),
    "notes": Column("what a reader of its numbers must know, a sentence each"),
    "method": Column("how the student learns: method="),
    "dataset": Column("what it learns and is tested on: dataset="),
    "source": Column("between domains, where the knowledge comes from"),
    "target": Column("between domains, where it is tested"),
    "teacher": Column("who teaches; empty where nobody does"),
    "student": Column("who learns"),
    "transfer": Column("strategy between domains: transfer="),
    "loss": Column("terms beside that of the labels: loss="),
    "seed": Column("of the run: the only setting over which runs are averaged, with fold"),
    "fold": Column("of a cross-validation, the part that is tested on, from 0"),
    "epochs": Column("passes over the training data", better="less"),
    "precision": Column("number format of the networks: fp32 or bf16"),
    "device": Column("on what it was trained and timed"),
    "threads": Column("of the CPU, with which it was trained and timed"),
    "commit": Column("of the folder it was started in; -dirty: with changes"),
    "kdrun": Column("version of kdrun, and digits of the hash of its source"),
    "torch": Column("version of torch"),
    "finished": Column("when it ended, UTC"),
    "setup": Column("hash of all settings but the seed; runs that differ in it are not averaged"),
    "identity": Column("hash of all that makes the run this run"),
    "test_hash": Column("hash of the test data"),
    "split": Column("hash of the training data"),
    "step": Column("how steps were carried out: eager, or captured as a graph; see train.step"),
    "answers": Column("of the teacher: live, or what was kept of them, in which format and views"),
}
"""Columns that say what a run is; settings with a dot in their name add to them."""

MEASURED: dict[str, Column] = {
    **_of(known.CLASSIFICATION, "test_"),
    **_of(known.REGRESSION, "test_"),
    "val_accuracy": _like(
        _METRICS["accuracy"], "on the validation split, of the epoch that counts"
    ),
    "val_rmse": _like(_METRICS["rmse"], "regression: root of the mean squared error there"),
    "val_r2": _like(_METRICS["r2"], "regression: share of the variance explained there"),
    **_of(known.BESIDE_A_CLASSIFIER[:2]),
    **_of(known.BESIDE_A_REGRESSOR),
    "teacher_val_accuracy": Column("of the teacher, asked before a student learns", "%", "more"),
    "teacher_val_r2": Column("of the teacher, asked before a student learns", "", "more"),
    "val_majority_accuracy": Column("of always saying the most frequent class there", "%", "more"),
    "agreement": _of(known.BESIDE_A_CLASSIFIER)["agreement"],
    "retention": Column("test_accuracy / teacher_accuracy", "%", "more"),
    **_of(known.BESIDE_A_CLASSIFIER[3:]),
    "alpha_*": Column("mean weight of a member of an ensemble of teachers"),
    "source_only_accuracy": Column("of the source's model, untouched, on the target", "%", "more"),
    "transfer_gain": Column("test_accuracy - source_only_accuracy", "%", "more"),
    "majority_accuracy": Column("of always saying the test split's commonest class", "%", "more"),
    "source_accuracy_after": Column("of the student on the source's test split", "%", "more"),
    "student_params": Column("numbers that the student has learned", "", "less"),
    "teacher_params": Column("numbers that the teacher has learned", "", "less"),
    "compression": Column("teacher_params / student_params", "", "more"),
    "student_macs": Column("multiply-adds for one sample", "", "less"),
    "student_mb": Column("size of student.safetensors", "MiB", "less"),
    "latency_ms": Column("the fastest of repeated passes, one sample", "ms", "less", True),
    "latency_spread_ms": Column("how far above it the slowest tenth lay", "ms", "less", True),
    "latency_load": Column("cores that other processes used meanwhile", "", "less", True),
    "batch_latency_ms": Column("as latency_ms, for a batch", "ms", "less", True),
    "teacher_passes": Column("how often the run asked its teacher about all samples", "", "less"),
    "teacher_latency_ms": Column("as latency_ms, of the teacher", "ms", "less", True),
    "throughput": Column("answers, in batches", "1/s", "more", True),
    "train_seconds": Column("in training, transfer included, teachers not", "s", "less", True),
    "samples_per_second": Column("in training", "1/s", "more", True),
    "peak_memory_mb": Column("most memory: of the GPU, else of the process", "MiB", "less", True),
}
"""Columns that were measured, of the test split unless they say otherwise; empty: not measured."""

OF_AN_EPOCH: dict[str, Column] = {
    "epoch": Column("from 1"),
    "loss": Column("mean over the epoch's samples", "", "less"),
    "loss_*": Column("the part of one term, weighted", "", "less"),
    "learning_rate": Column("at the epoch's beginning"),
    "seconds": Column("of the training alone", "s", "less", True),
    "val_nll": Column("on the validation split", "nat", "less"),
    "source_val": Column("accuracy on the source's validation split", "%", "more"),
    "source_accuracy": Column("on the source's validation split", "%", "more"),
    "diversity": Column("entropy of the mean prediction for the target", "nat"),
    "im": Column("diversity less the mean entropy of a prediction", "nat", "more"),
    "snd": Column("soft neighbourhood density of the predictions", "nat", "more"),
}
"""Columns of metrics.csv alone."""

OF_AN_EVALUATION: dict[str, Column] = {
    "knn_accuracy": Column("of the classes of the nearest training embeddings", "%", "more"),
    "probe_accuracy": Column("of a logistic regression on training embeddings", "%", "more"),
    "recall_at_*": Column("what was looked for is among so many nearest", "%", "more"),
    "recall_back_at_*": Column("of pairs, from the second to the first", "%", "more"),
}
"""Columns of evaluations.csv alone; others are there without `test_`."""

SECTIONS = {
    "What a run is": IDENTIFYING,
    "What was measured": MEASURED,
    "Of an epoch: metrics.csv": OF_AN_EPOCH,
    "Measured later: evaluations.csv": OF_AN_EVALUATION,
}

COLUMNS = IDENTIFYING | MEASURED | OF_AN_EPOCH | OF_AN_EVALUATION

KINDS = {name[:-1]: one for name, one in COLUMNS.items() if name[-1] == "*"}
"""What is of many columns, by how their names begin."""

_told: dict[str, Column] = {}
_headlines: dict[str, None] = {}


def learn(record: Mapping[str, Any]) -> None:
    """Let this process know the metrics that the task of a run has of its own.

    A record may come from anybody: what kdrun itself explains stays as it is.

    Args:
        record: as of record.json.
    """
    told = record.get("task") or {}
    columns = told.get("columns")
    for name, one in columns.items() if isinstance(columns, dict) else ():
        if name not in COLUMNS and isinstance(one, dict) and one.get("better") in ("more", "less"):
            meaning, unit = str(one.get("meaning") or ""), str(one.get("unit") or "")
            _told[str(name)] = Column(meaning, unit, one["better"])
    headline = str(told.get("headline"))
    if headline.startswith("test_") and headline not in known.HEADLINES and column(headline):
        _headlines[headline] = None


def told(prefix: str = "") -> list[str]:
    """The columns that records explained, of those that begin so."""
    return [name for name in _told if name.startswith(prefix)]


def headline(rows: Sequence[Mapping[str, Any]]) -> str:
    """The metric by which some runs are compared: that of their task."""
    for name in (*_headlines, *known.HEADLINES):
        if any(row.get(name) is not None for row in rows):
            return name
    return known.HEADLINES[0]


def column(name: str) -> Column | None:
    """What a column is; None if it is none of kdrun's, and no record told."""
    if found := COLUMNS.get(name) or _told.get(name):
        return found
    return next((one for begin, one in KINDS.items() if name.startswith(begin)), None)


def _column(name: str) -> Column:
    """What a column is, guessed where nobody said; nothing is known of the rest."""
    if known := column(name):
        return known
    metric = guessed(name)
    return Column("") if metric is None else _like(metric, "")


def is_share(name: str) -> bool:
    """Whether 0.91 is better written as 91 %."""
    return _column(name).unit == "%"


def is_cost(name: str) -> bool:
    """Whether less of it is better."""
    return _column(name).better == "less"


def is_guess(name: str) -> bool:
    """Whether nothing says which way is better: more is taken for it."""
    return not _column(name).better


def is_timed(name: str) -> bool:
    """Whether it is about the device as much as about the run."""
    known = column(name)
    return known is not None and known.timed
