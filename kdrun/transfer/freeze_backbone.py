"""A linear probe: the source's features as they are, and a new classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kdrun.dataset.arrays import Array
from kdrun.model.features import Network
from kdrun.task.form import by_form
from kdrun.transfer import Source, Strategy
from kdrun.transfer.affine import Affine, head_of, install
from kdrun.transfer.mapping import fit_linear, labelled, standardise
from kdrun.transfer.start import carry_over
from kdrun.transfer.store import features
from kdrun.types import Loader


class Probe:
    """A linear classifier of a frozen network's standardised embeddings, as its last layer.

    The embeddings are computed once, in evaluation mode, so that no statistic of batch norm moves.
    It is fitted to the end by scikit-learn, not by steps.

    Args:
        classifier: of scikit-learn, not yet fitted: one with `coef_` and `intercept_` when it is.
        regressor: likewise, where targets are values.
        cache: folder of the shared feature store; None for none.
    """

    def __init__(self, classifier: Any, regressor: Any, cache: Path | None = None) -> None:
        self.classifier, self.regressor, self.cache = classifier, regressor, cache

    def fit(self, student: Network, loader: Loader) -> None:
        """Set the classifier of a student.

        Args:
            student: whose backbone stays as it is.
            loader: training batches in order, of which the labelled samples are read.

        Raises:
            ValueError: no label is known, or those that are tell no classes apart.
        """
        head, dtype = head_of(student), student.dtype
        student.dtype = None  # what is fitted to the end is not to be rounded on its way
        rows = features(student, loader, self.cache)
        student.dtype = dtype
        targets = loader.targets.cpu()
        if not by_form(targets).classifies:
            scale = standardise(rows)
            mean, deviation = student.unit
            values = (targets.double().numpy() - mean) / deviation
            install(student, scale, _fit_values(self.regressor, scale(rows), values))
            return
        if not bool((targets >= 0).any()):
            raise ValueError("a probe learns from the target's labels: set dataset.labels.")
        rows, classes = labelled(rows, targets)
        scale = standardise(rows)
        fitted = fit_linear(self.classifier, scale(rows), classes, head.out_features)
        install(student, scale, fitted)


def _fit_values(regressor: Any, rows: Array, values: Array) -> Affine:
    from sklearn.base import clone

    fitted = clone(regressor).fit(rows, values)
    return Affine(np.reshape(fitted.coef_, (1, -1)).T, np.reshape(fitted.intercept_, (1,)))


class FreezeBackbone(Strategy):
    """Keep the source's backbone, batch norm included, and fit a classifier of its features.

    Args:
        classifier: see `Probe`.
        regressor: likewise.
        cache: likewise.
    """

    epochs: ClassVar[int | None] = 0  # type: ignore[misc]

    def __init__(self, classifier: Any, regressor: Any, cache: Path | None = None) -> None:
        self.probe = Probe(classifier, regressor, cache)

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The source's backbone under a fitted classifier; see `Strategy`.

        Without a source the backbone is the student's own, `student.model.pretrained=true`, say.
        """
        if source is not None:
            self.report = carry_over(student, source, head="reset")
        self.probe.fit(student, loader)
        student.dtype = None
        return student
