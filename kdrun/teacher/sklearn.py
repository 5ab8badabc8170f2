"""Estimators of scikit-learn as teachers."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import nn

from kdrun.dataset.augment import to_float
from kdrun.sample import rows_of, rows_shape
from kdrun.security import bounds
from kdrun.security.estimators import known_types, refuse_types
from kdrun.teacher.base import Teacher
from kdrun.teacher.classes import ByName, log_probabilities, name_classes
from kdrun.types import Arrays, Batch, Dataset, Outputs

PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")


class Estimator(Teacher):
    """A fitted estimator: (N, K) logarithms of its probabilities, or its (N, 1) values.

    Args:
        estimator: with `predict_proba`, or with `predict` in regression.
        regression: whether values are wanted.
    """

    capturable = "scikit-learn answers on the CPU"

    def __init__(self, estimator: Any, regression: bool) -> None:
        super().__init__()
        self.estimator, self.regression = estimator, regression

    @property
    def size(self) -> int | None:
        """How many numbers it learnt; None where that is not known."""
        return numbers(self.estimator)

    def forward(self, batch: Batch) -> Outputs:
        """What it predicts for rows, or for images as rows of pixels."""
        rows = rows_of(batch.input).flatten(1).cpu().numpy()
        if self.regression:
            values = torch.as_tensor(self.estimator.predict(rows)).view(len(rows), 1)
            return Outputs(values.float().to(batch.index.device))
        said = torch.as_tensor(self.estimator.predict_proba(rows))
        return Outputs(log_probabilities(said).to(batch.index.device))


def numbers(estimator: Any) -> int | None:
    """How many numbers an estimator has learnt; None for a kind that is not known here.

    Of trees, feature and threshold of each node and the values of each leaf; of linear models,
    coefficients and intercepts; of pipelines and ensembles, all parts.
    """
    if hasattr(estimator, "steps"):
        return _sum([part for _, part in estimator.steps if hasattr(part, "predict")])
    if hasattr(estimator, "tree_"):
        tree = estimator.tree_
        values = tree.value.shape[1] * tree.value.shape[2]
        return int(2 * (tree.node_count - tree.n_leaves) + values * tree.n_leaves)
    if hasattr(estimator, "estimators_"):
        parts = estimator.estimators_
        return _sum(list(parts.ravel() if hasattr(parts, "ravel") else parts))
    if hasattr(estimator, "_predictors"):  # histogram gradient boosting
        nodes = [tree.nodes for trees in estimator._predictors for tree in trees]
        leaves = sum(int(node["is_leaf"].sum()) for node in nodes)
        return 2 * sum(map(len, nodes)) - leaves
    if hasattr(estimator, "coef_") and hasattr(estimator, "intercept_"):
        return int(estimator.coef_.size) + int(getattr(estimator.intercept_, "size", 1))
    if hasattr(estimator, "coefs_"):  # multi-layer perceptrons
        return int(sum(part.size for part in (*estimator.coefs_, *estimator.intercepts_)))
    return None


def _sum(parts: Sequence[Any]) -> int | None:
    counts = [numbers(part) for part in parts]
    return None if None in counts else sum(count for count in counts if count)


def sklearn(data: Dataset, estimator: Any = None, path: str | None = None) -> nn.Module:
    """An estimator that is fitted on the labelled training data, or was saved by skops.

    Args:
        data: rows of numbers, or images in memory, whose pixels it sees as numbers from 0 to 1.
        estimator: not yet fitted. It is fitted anew in every run: seed it.
        path: a .skops file instead. A pickle is refused: reading one runs its code.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: neither or both are given, the estimator cannot do what is asked of it, or it
            was fitted on other columns or classes.
    """
    if (estimator is None) == (path is None):
        raise ValueError(
            "give teacher.estimator={_target_: sklearn....}, or the teacher.path of a .skops file"
        )
    known = data.classes
    if path is not None:
        fitted = load(path)
        _require(fitted, data)
        _check_width(fitted, data)
        if data.task.named:
            known = name_classes(fitted.classes_.tolist(), known)
    else:
        _require(estimator, data)
        fitted = estimator.fit(*_training_rows(data))
        if data.task.named:
            known = [known[label] for label in fitted.classes_.tolist()]
    teacher = Estimator(fitted, regression=not data.task.named)
    return teacher if known == data.classes else ByName(teacher, known, data.classes)


def _require(estimator: Any, data: Dataset) -> None:
    what = type(estimator).__name__
    wanted = "predict_proba" if data.task.named else "predict"
    if not hasattr(estimator, "fit") or not hasattr(estimator, wanted):
        calibrated = ", or put it into sklearn.calibration.CalibratedClassifierCV"
        raise ValueError(
            f"{what} has no {wanted}, so nothing can be learnt from it: choose an estimator that "
            f"has{calibrated if data.task.named else ''}"
        )


def _training_rows(data: Dataset) -> tuple[Any, Any]:
    """Inputs (N, D) and targets of the labelled training samples, for `fit`."""
    split = data.train
    if not isinstance(split, Arrays):
        raise ValueError("an estimator learns from rows or images in memory, not from files")
    labelled = data.task.known(split.targets)
    inputs = rows_of(split.inputs)[labelled]
    rows = to_float(inputs) if inputs.dtype == torch.uint8 else inputs
    return rows.flatten(1).numpy(), split.targets[labelled].numpy()


def _check_width(estimator: Any, data: Dataset) -> None:
    width = prod(rows_shape(data.shape))
    own = getattr(estimator, "n_features_in_", None)
    if own is not None and own != width:
        raise ValueError(f"it was fitted on {own} columns, but the data have {width}")


def load(path: str) -> Any:
    """A fitted estimator from a .skops file, whose types are all scikit-learn's.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a pickle, not whole, not fitted, or holds other types.
    """
    if not bounds.is_plain(path):
        raise FileNotFoundError(f"there is no file {path}")
    with Path(path).open("rb") as file:
        pickled = file.read(1) == b"\x80"
    if pickled or Path(path).suffix in PICKLES:
        raise ValueError(
            f"{path} is a pickle, which runs whatever code is in it when it is read: save the "
            "estimator with skops.io.dump(estimator, 'NAME.skops')"
        )
    try:
        import skops.io
    except ImportError as error:
        raise ValueError(f"{path} needs skops: pip install 'kdrun[skops]'") from error
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not a whole .skops file: write one with skops.io.dump")
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        bounds.check_zip(path, "unpacked")
        refuse_types(path)
        strange = skops.io.get_untrusted_types(file=path)
        if foreign := [name for name in strange if name not in known_types()]:
            raise ValueError(f"{path} holds {', '.join(foreign):.200}, of which none is read")
        estimator = skops.io.load(path, trusted=strange)
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise ValueError(f"the {type(estimator).__name__} in {path} is not fitted") from error
    except (KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a readable .skops file: {error}") from error
    return estimator
