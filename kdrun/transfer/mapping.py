"""Feature mapping: bring two domains into one space, and fit a linear classifier there.

Standardising, projecting and classifying are affine, so all of it together is one linear layer.
The fitted result is therefore the student as it was, with the weights of its classifier set: it is
evaluated, saved and used like any other network.
"""

from __future__ import annotations

import copy
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from torch import Tensor

from kdrun.config.instantiate import nearest
from kdrun.dataset.arrays import Array
from kdrun.model.features import Network
from kdrun.model.linear import Linear
from kdrun.model.rbf import RBF
from kdrun.task.form import by_form
from kdrun.transfer import Source, Strategy
from kdrun.transfer.affine import Affine, Kernel, Scale, head_of, install
from kdrun.transfer.store import features
from kdrun.types import Loader

log = logging.getLogger(__name__)

LOUD = 10
"""Deviations of the source: what varies more in the target is told of."""

Scaler = Literal["source", "per_domain", "union", "none"]
"""Whose means and deviations standardise the features."""


@dataclass(kw_only=True)
class Mapping(Strategy):
    """A mapping of features and the classifier after it; what a subclass adds is `align`.

    Unsupervised in the target: its labels are not read, not even those that are known. All is
    computed in float64: in float32 a decomposition depends on whose linear algebra it is, by
    several samples of a hundred.

    Args:
        classifier: a linear classifier of scikit-learn, not yet fitted: one with `coef_` and
            `intercept_` when it is.
        scaler: whose means and deviations standardise the features: the `source`'s, `per_domain`
            each by its own, those of the `union`, or `none`. Per domain helps against a shift of
            the inputs, and harms where the classes have other shares in the target.
        cache: folder of the shared feature store; None for none.
    """

    classifier: Any
    scaler: Scaler = "source"
    cache: Path | None = None

    epochs: ClassVar[int | None] = 0  # type: ignore[misc]
    supervised: ClassVar[bool] = False  # type: ignore[misc]

    def align(self, source: Array, labels: Array, target: Array) -> tuple[Array, Affine | Kernel]:
        """Find a space for both domains.

        Args:
            source: (N, D) standardised features, with labels.
            labels: (N,) classes of the target's numbering.
            target: (M, D) standardised features.

        Returns:
            The source's samples in that space, (N, K), and the map that brings the target there.

        Raises:
            ValueError: there is no such space; the message says why.
        """
        raise NotImplementedError

    def untouched(self, student: Network, source: Source, loader: Loader) -> Network:
        """The same classifier on the source's features as they are; see `Strategy`."""
        network = copy.deepcopy(student)
        if isinstance(student.net, RBF):
            linear = Linear(len(source.wanted), in_features=student.net.factor.numel())
            mean, std = student.normalisation
            network = Network(linear, head=linear.head_name, mean=mean, std=std)
        return Unmapped(classifier=self.classifier, cache=self.cache)(network, source, loader)

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """Set the classifier of the student; see `Strategy`."""
        if self.scaler not in get_args(Scaler):
            hint = nearest(self.scaler, get_args(Scaler))
            raise ValueError(f"transfer.scaler={self.scaler} is not defined; {hint}")
        if not by_form(loader.targets).classifies:
            raise ValueError("a feature mapping fits a classifier, and these targets are values.")
        # What is fitted here is not to be rounded to bfloat16.
        student.dtype = None
        head = head_of(student)
        target = features(student, loader, self.cache).astype(np.float64)
        if source is None:
            log.info("there is no dataset.source: the mapping is fitted within one domain")
            known, labels = target, loader.targets.cpu()
            unusable = "no training label is known, and there is no dataset.source to learn from."
        else:
            known = features(student, source.loader, self.cache).astype(np.float64)
            labels = source.to_target[source.loader.targets.cpu()]
            unusable = (
                "source and target share no class by name: set dataset.source to one that does."
            )
        if not bool((labels >= 0).any()):
            raise ValueError(unusable)
        known, classes = labelled(known, labels)
        before_source, before_target = _scales(self.scaler, known, target)
        ours = before_source(known)
        # Within one domain they are the same samples, which need not be standardised twice.
        theirs = ours if known is target else before_target(target)
        if self.scaler == "source" and source is not None:
            warn_of_loud(theirs)
        mapped, space = self.align(ours, classes, theirs)
        fitted = fit_linear(self.classifier, mapped, classes, head.out_features)
        install(student, before_target, space.then(fitted))
        return student


@dataclass(kw_only=True)
class Unmapped(Mapping):
    """The classifier fitted to the source's standardised features; no mapping."""

    def align(self, source: Array, labels: Array, target: Array) -> tuple[Array, Affine]:
        """Both as they are."""
        return source, reduced(source, target, None)[2]


def labelled(rows: Array, labels: Tensor) -> tuple[Array, Array]:
    """The samples whose class is known and is one of the target's, and these classes."""
    chosen = labels >= 0
    classes: Array = labels[chosen].numpy()
    if len(np.unique(classes)) < 2:
        raise ValueError(
            "the labelled samples are all of one class: give data with two classes or more."
        )
    return rows if bool(chosen.all()) else rows[chosen.numpy()], classes


def _scales(scaler: Scaler, source: Array, target: Array) -> tuple[Scale, Scale]:
    """How to standardise the source, and the target."""
    if scaler == "none":
        width = source.shape[1]
        as_it_is = Scale(np.zeros(width), np.ones(width))
        return as_it_is, as_it_is
    if scaler == "per_domain":
        return standardise(source), standardise(target)
    both = standardise(source if scaler == "source" else np.concatenate([source, target]))
    return both, both


def warn_of_loud(target: Array) -> None:
    """Say it if features hardly vary in the source, and so drown all others in the target.

    Args:
        target: (M, D), standardised by the source's deviations.
    """
    loud = int((target.std(0) > LOUD).sum())
    if loud:
        log.warning(
            "%d of %d features vary over %d times more in the target than in the source, and will "
            "drown the others: consider transfer.scaler=none, or per_domain if classes have the "
            "same shares in both",
            loud,
            target.shape[1],
            LOUD,
        )


def standardise(rows: Array) -> Scale:
    """Mean 0 and deviation 1 in each column; one that does not vary keeps its scale."""
    from sklearn.preprocessing import StandardScaler

    fitted = StandardScaler().fit(rows)
    return Scale(fitted.mean_.astype(np.float64), fitted.scale_.astype(np.float64))


def principal_axes(rows: Array, n_components: int, whose: str) -> Affine:
    """The projection on the directions of largest variance: scikit-learn's PCA.

    Args:
        rows: (N, D).
        n_components: how many directions.
        whose: what the rows are, for the message.

    Raises:
        ValueError: the rows do not vary in so many directions.
    """
    from sklearn.decomposition import PCA

    most = min(len(rows) - 1, rows.shape[1])
    if 1 <= n_components <= most:
        pca = PCA(n_components, random_state=0).fit(rows)
        # Directions in which nothing varies but the last digits.
        noise = 10 * np.finfo(rows.dtype).eps
        flat = pca.explained_variance_ <= noise * pca.explained_variance_[0]
        most = int((~flat).sum())
    if not 1 <= n_components <= most:
        raise ValueError(
            f"transfer.n_components={n_components} is more than the rank of the {whose}, "
            f"{len(rows)} samples of {rows.shape[1]} features: give 1 to {most}."
        )
    return Affine(pca.components_.T, -pca.mean_ @ pca.components_.T)


def reduced(source: Array, target: Array, n_components: int | None) -> tuple[Array, Array, Affine]:
    """Both domains on one basis, the principal axes of all samples, and the map that brings them.

    With `n_components=None` the basis is that of the features, and nothing moves.
    """
    if n_components is None:
        width = source.shape[1]
        return source, target, Affine(np.eye(width), np.zeros(width))
    both = np.concatenate([source, target])
    axes = principal_axes(both, n_components, "features of both")
    return axes(source), axes(target), axes


def some_rows(rows: Array, size: int) -> Array:
    """At most `size` of some rows, in order; always the same ones."""
    if len(rows) <= size:
        return rows
    return rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:size])]


def squared_distances(rows: Array, others: Array) -> Array:
    """(N, M) between (N, D) and (M, D) rows."""
    squares = (rows**2).sum(1)[:, None] + (others**2).sum(1)
    found: Array = (squares - 2 * rows @ others.T).clip(0)
    return found


def fit_linear(classifier: Any, rows: Array, labels: Array, num_classes: int) -> Affine:
    """Fit a linear classifier of scikit-learn; its decision function as (D, num_classes).

    A class that did not occur gets a logit that is never the largest.

    Raises:
        ValueError: the fitted classifier is not linear.
    """
    from sklearn.base import clone
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        fitted = clone(classifier).fit(rows, labels)
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        log.warning("the classifier has not converged: raise transfer.classifier.max_iter")
    if not hasattr(fitted, "coef_") or not hasattr(fitted, "intercept_"):
        raise ValueError(
            f"transfer.classifier={type(classifier).__name__} is not linear: choose one that has "
            "coef_ and intercept_ when it is fitted, such as LogisticRegression."
        )
    weight, bias = fitted.coef_.T, np.broadcast_to(fitted.intercept_, len(fitted.coef_))
    if weight.shape[1] == 1:  # two classes share one decision, the sign of which tells them apart
        weight, bias = weight * np.array([-0.5, 0.5]), bias * np.array([-0.5, 0.5])
    whole = Affine(np.zeros((rows.shape[1], num_classes)), np.full(num_classes, bias.min() - 1e4))
    whole.weight[:, fitted.classes_] = weight
    whole.bias[fitted.classes_] = bias
    return whole
