"""What a metric is, and those of kdrun's own tasks. Imports no torch, nor does any table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple


class Metric(NamedTuple):
    """One number that tells how good a model is.

    Attributes:
        name: without the split that it was measured on, `accuracy`.
        unit: `%` of shares of one, which are shown as per cent; empty without.
        less_is_better: which way is better.
        meaning: in a line.
    """

    name: str
    unit: str = ""
    less_is_better: bool = False
    meaning: str = ""

    @property
    def better(self) -> str:
        """`more` or `less`, as tables say it."""
        return "less" if self.less_is_better else "more"


CLASSIFICATION = (
    Metric("accuracy", "%", False, "right answers of the student on the test split"),
    Metric("balanced_accuracy", "%", False, "mean over the classes of the labels: found of each"),
    Metric("top5", "%", False, "the right class is among its five likeliest"),
    Metric("precision", "%", False, "mean over classes: right among those given the class"),
    Metric("recall", "%", False, "mean over classes: found among those of the class"),
    Metric("f1", "%", False, "mean over classes: harmonic mean of precision and recall"),
    Metric("nll", "nat", True, "mean negative log-likelihood of the right class"),
    Metric("ece", "%", True, "expected calibration error, 15 bins of confidence"),
)
"""Of a split, where each sample has one class."""

BESIDE_A_CLASSIFIER = (
    Metric("teacher_accuracy", "%", False, "right answers of the teacher on the test split"),
    Metric("teacher_f1", "%", False, "test_f1 of the teacher"),
    Metric("agreement", "%", False, "the student answers as its teacher, rightly or not"),
    Metric("kl_to_teacher", "nat", True, "mean divergence of the student from its teacher"),
    Metric("accuracy_where_teacher_wrong", "%", False, "of the student where its teacher errs"),
)
"""Of a split and a teacher."""

REGRESSION = (
    Metric("mae", "", True, "regression: mean absolute error"),
    Metric("rmse", "", True, "regression: root of the mean squared error"),
    Metric("r2", "", False, "regression: share of the variance explained"),
)
"""Of a split, where each sample has a value."""

BESIDE_A_REGRESSOR = (Metric("teacher_rmse", "", True, "test_rmse of the teacher"),)
"""Of a split and a teacher."""

SEGMENTATION = (
    Metric("miou", "%", False, "mean over classes: intersection over union of their pixels"),
    Metric("accuracy", "%", False, "right answers of the student on the test split"),
)
"""Of a split, where each pixel has a class."""

BESIDE_A_SEGMENTATION = (
    Metric("teacher_miou", "%", False, "test_miou of the teacher"),
    Metric("teacher_accuracy", "%", False, "right answers of the teacher on the test split"),
    Metric("agreement", "%", False, "the student answers as its teacher, rightly or not"),
)
"""Of a split and a teacher."""

DETECTION = (
    Metric("map", "%", False, "mean over classes and overlaps of 50 to 95 %: average precision"),
    Metric("map50", "%", False, "mean over classes: average precision at an overlap of one half"),
    Metric("map75", "%", False, "likewise of three quarters"),
    Metric("map_small", "%", False, "test_map of boxes of up to 32² pixels; empty without any"),
    Metric("map_medium", "%", False, "likewise from there to 96²"),
    Metric("map_large", "%", False, "likewise of larger ones"),
)
"""Of a split, where each picture has boxes."""

BESIDE_A_DETECTOR = (
    Metric("teacher_map", "%", False, "test_map of the teacher"),
    Metric("teacher_map50", "%", False, "test_map50 of the teacher"),
    Metric("teacher_map75", "%", False, "test_map75 of the teacher"),
)
"""Of a split and a teacher."""

GENERATION = (
    Metric("nll", "nat", True, "mean negative log-likelihood of the right token"),
    Metric("perplexity", "", True, "the exponential of test_nll"),
    Metric("accuracy", "%", False, "right answers of the student on the test split"),
    Metric("exact_match", "%", False, "completions that are the reference, letter for letter"),
    Metric("rouge_l", "%", False, "completions: longest common subsequence of words, F-measure"),
    Metric("chrf", "%", False, "completions: chrF of sacrebleu, by pieces of up to six letters"),
    Metric("bleu", "%", False, "completions: BLEU of sacrebleu, by up to four words"),
)
"""Of a split of texts, where each place has a next token."""

BESIDE_A_LANGUAGE_MODEL = (
    Metric("teacher_perplexity", "", True, "test_perplexity of the teacher"),
    Metric("teacher_accuracy", "%", False, "right answers of the teacher on the test split"),
    Metric("agreement", "%", False, "the student answers as its teacher, rightly or not"),
    Metric("kl_to_teacher", "nat", True, "mean divergence of the student from its teacher"),
)
"""Of a split and a teacher."""

HEADLINES = ("test_accuracy", "test_rmse")
"""What a table is compared by that says of no task what it is: the first that it has."""

CRITERIA = ("val_accuracy", "val_r2")
"""By what models are chosen, likewise."""

# fmt: off
SHARES = ("accuracy", "precision", "recall", "f1", "top5", "ece", "agreement", "retention")
LESS = (
    "loss", "nll", "ece", "mae", "rmse", "mse", "error",
    "params", "macs", "flops", "mb", "ms", "seconds",
)
# fmt: on
"""Last words of names that no task and no column of kdrun explains."""


def guessed(name: str) -> Metric | None:
    """What a number of others' making is, read by the end of its name; None: no telling."""
    last = re.split(r"[\W_]+", name)[-1].lower()
    if last not in (*SHARES, *LESS):
        return None
    return Metric(name, "%" if last in SHARES else "", last in LESS)


def first(names: tuple[str, ...], row: Mapping[str, object]) -> str | None:
    """The first of some columns that a row has a value of."""
    return next((name for name in names if row.get(name) is not None), None)
