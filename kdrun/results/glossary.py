"""Every column of results.csv and metrics.csv: what it means, its unit, and which way is better.

Whatever sums up, ranks or prints a column asks here; names of others' making are read by their end.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple


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
    "answers": Column("of the teacher: live, or what was kept of them, in which format and views"),
}
"""Columns that say what a run is; settings with a dot in their name add to them."""

MEASURED: dict[str, Column] = {
    "test_accuracy": Column("right answers of the student on the test split", "%", "more"),
    "test_top5": Column("the right class is among its five likeliest", "%", "more"),
    "test_precision": Column("mean over classes: right among those given the class", "%", "more"),
    "test_recall": Column("mean over classes: found among those of the class", "%", "more"),
    "test_balanced_accuracy": Column(
        "mean over the classes of the labels: found of each", "%", "more"
    ),
    "test_f1": Column("mean over classes: harmonic mean of precision and recall", "%", "more"),
    "test_nll": Column("mean negative log-likelihood of the right class", "nat", "less"),
    "test_ece": Column("expected calibration error, 15 bins of confidence", "%", "less"),
    "test_mae": Column("regression: mean absolute error", "", "less"),
    "test_rmse": Column("regression: root of the mean squared error", "", "less"),
    "test_r2": Column("regression: share of the variance explained", "", "more"),
    "val_accuracy": Column("on the validation split, of the epoch that counts", "%", "more"),
    "val_rmse": Column("regression: root of the mean squared error there", "", "less"),
    "val_r2": Column("regression: share of the variance explained there", "", "more"),
    "teacher_accuracy": Column("right answers of the teacher on the test split", "%", "more"),
    "teacher_f1": Column("test_f1 of the teacher", "%", "more"),
    "teacher_rmse": Column("test_rmse of the teacher", "", "less"),
    "teacher_val_accuracy": Column("of the teacher, asked before a student learns", "%", "more"),
    "teacher_val_r2": Column("of the teacher, asked before a student learns", "", "more"),
    "val_majority_accuracy": Column("of always saying the most frequent class there", "%", "more"),
    "agreement": Column("the student answers as its teacher, rightly or not", "%", "more"),
    "retention": Column("test_accuracy / teacher_accuracy", "%", "more"),
    "kl_to_teacher": Column("mean divergence of the student from its teacher", "nat", "less"),
    "accuracy_where_teacher_wrong": Column("of the student where its teacher errs", "%", "more"),
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

SECTIONS = {
    "What a run is": IDENTIFYING,
    "What was measured": MEASURED,
    "Of an epoch: metrics.csv": OF_AN_EPOCH,
}

COLUMNS = IDENTIFYING | MEASURED | OF_AN_EPOCH

# fmt: off
SHARES = ("accuracy", "precision", "recall", "f1", "top5", "ece", "agreement", "retention")
LESS = (
    "loss", "nll", "ece", "mae", "rmse", "mse", "error",
    "params", "macs", "flops", "mb", "ms", "seconds",
)
# fmt: on
"""Last words of names that are no column of kdrun."""


def column(name: str) -> Column | None:
    """What a column is; None if it is none of kdrun's."""
    if name in COLUMNS:
        return COLUMNS[name]
    kinds = (key for key in COLUMNS if key.endswith("*"))
    return next((COLUMNS[key] for key in kinds if name.startswith(key[:-1])), None)


def is_share(name: str) -> bool:
    """Whether 0.91 is better written as 91 %."""
    known = column(name)
    return known.unit == "%" if known else _last_word(name) in SHARES


def is_cost(name: str) -> bool:
    """Whether less of it is better."""
    known = column(name)
    return known.better == "less" if known else _last_word(name) in LESS


def is_guess(name: str) -> bool:
    """Whether nothing says which way is better: more is taken for it."""
    known = column(name)
    return not known.better if known else _last_word(name) not in (*SHARES, *LESS)


def is_timed(name: str) -> bool:
    """Whether it is about the device as much as about the run."""
    known = column(name)
    return known is not None and known.timed


def _last_word(name: str) -> str:
    return re.split(r"[\W_]+", name)[-1].lower()
