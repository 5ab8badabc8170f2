"""Several domains in one dataset: which is the source, and what is known of the target."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kdrun.config.instantiate import nearest
from kdrun.dataset.cuts import Cuts
from kdrun.dataset.split import channel_statistics, select, subset
from kdrun.sample import rows_of, shape_of
from kdrun.task.choose import of_split
from kdrun.types import Arrays, Dataset, Input, Split

if TYPE_CHECKING:
    import pandas as pd

Labels = int | Literal["all", "none"]
"""How many training samples of the target keep their label."""

Encoder = Callable[[Split], Split]
"""Turns samples as they were read into samples that a model reads."""


class Domain(NamedTuple):
    """All that is known of one domain, labelled.

    Attributes:
        name: of the domain.
        train: training samples, validation not yet cut off.
        test: held out.
        classes: the name of each class; empty in regression.
        val: a validation split that comes with the data; None where it is cut from `train`.
    """

    name: str
    train: Split
    test: Split
    classes: list[str]
    val: Split | None = None


def of_domain(whole: Split, homes: pd.Series[Any] | pd.Index[Any], name: str | None) -> Split:
    """The samples of a table that are of one domain.

    Args:
        whole: a sample a row.
        homes: the domain of each row.
        name: of the domain, or several joined by `+`; None for all rows.
    """
    if name is None:
        return whole
    return select(whole, torch.from_numpy(np.flatnonzero(homes.isin(parts(name)))))


def own_classes(domain: Domain) -> Domain:
    """The domain with those classes only that occur in it, numbered anew.

    Domains of one table may differ in their classes; what they share is found by name.
    """
    if not of_split(domain.train).classifies:
        return domain
    given = [part for part in (domain.train, domain.test, domain.val) if part is not None]
    present = torch.cat([part.targets for part in given]).unique()
    if len(present) == len(domain.classes):
        return domain
    number = torch.full((len(domain.classes),), -1)
    number[present] = torch.arange(len(present))
    train, test, *val = (replace(part, targets=number[part.targets]) for part in given)
    classes = [domain.classes[old] for old in present.tolist()]
    return Domain(domain.name, train, test, classes, *val)


def number_groups(names: Iterable[object]) -> Tensor:
    """(N,) `Arrays.groups` from the name of each sample's group.

    Raises:
        ValueError: a sample has none.
    """
    numbers: dict[str, int] = {}
    found = []
    for row, name in enumerate(names, 1):
        if name is None or name != name:  # NaN
            raise ValueError(f"the group of row {row} is empty: fill it, or drop the row.")
        found.append(numbers.setdefault(str(name), len(numbers)))
    return torch.tensor(found)


def check_names(source: str | None, target: str, names: Iterable[str]) -> None:
    """Refuse domains that do not exist, or are one and the same.

    Args:
        source: the domain that knowledge comes from, or several joined by `+`; None for the
            target alone.
        target: the domain that counts, or several.
        names: of the domains there are.

    Raises:
        ValueError: with the nearest valid name.
    """
    known = list(names)
    for key, given in (("source", source), ("target", target)):
        for name in parts(given):
            if name not in known:
                raise ValueError(f"dataset.{key}={name} is no domain here; {nearest(name, known)}")
    if both := set(parts(source)) & set(parts(target)):
        others = ", ".join(sorted(set(known) - set(parts(target))))
        raise ValueError(
            f"dataset.source and dataset.target are both {min(both)}: nothing can be transferred. "
            f"Name another source ({others}), or null for the target alone."
        )


def parts(name: str | None) -> list[str]:
    """The domains that a name means: `a+b` are two in one, None is no domain."""
    return name.split("+") if name else []


def combine(
    target: Domain,
    source: Domain | None,
    *,
    labels: Labels,
    cuts: Cuts,
    fit: Callable[[Split, Split], Encoder] | None = None,
) -> Dataset:
    """The target's splits, with the source's beside them, and no more target labels than allowed.

    A hidden label is -1 in the data, so that no method can read it. Where labels are hidden the
    target has no validation split either, which would spend more of them; where all are, they are
    hidden before anything is cut, so that not even a choice of samples depends on them. The test
    split, which was held out before, is the same whatever labels are hidden.

    Args:
        target: the domain that counts.
        source: the domain that knowledge comes from; None for the target alone.
        labels: `all`, `none`, or how many training samples of the target keep their label, with
            the class proportions of all of them.
        cuts: where the training data of each are cut. The target's are stratified by class, unless
            its labels are all hidden.
        fit: learns how to encode samples from the training samples of the source, whose labels it
            may read, and of the target, whose labels it may not. Without a source, the target is
            both. None where samples are as a model reads them.

    Raises:
        ValueError: a fraction, a size or a number of labels does not fit the data.
    """
    known = hide(target.train, "none", cuts.split_seed) if labels == "none" else target.train
    own, given = (cuts, target.val) if labels == "all" else (cuts.unvalidated, None)
    train, val = own.validated(known, given)
    train = hide(train, labels, cuts.split_seed)
    if source is None:
        encode = fit(train, train) if fit else _as_it_is
        return _dataset(target, train, val, encode, encode(train))
    source_train, source_val = cuts.validated(source.train, source.val)
    # Whatever labels are hidden: what was trained on the source serves for all of these.
    unseen = target.train
    if of_split(unseen).classifies:
        unseen = hide(unseen, "none", cuts.split_seed)
    seen, _ = cuts.validated(unseen, target.val)
    encode = fit(source_train, seen) if fit else _as_it_is
    # Pixels of both domains are normalised alike, as the source has them.
    reference = encode(source_train)
    beside = _dataset(source, source_train, source_val, encode, reference)
    return replace(_dataset(target, train, val, encode, reference), source=beside)


def _as_it_is(split: Split) -> Split:
    return split


def _dataset(
    domain: Domain, train: Split, val: Split | None, encode: Encoder, reference: Split
) -> Dataset:
    mean, std = channel_statistics(reference)
    assert isinstance(reference, Arrays)
    return Dataset(
        encode(train),
        encode(val) if val else None,
        encode(domain.test),
        domain.classes,
        shape_of(reference.inputs),
        mean,
        std,
        domain=domain.name,
    )


def hide(split: Split, labels: Labels, seed: int) -> Split:
    """The split with no target known but those of `labels` samples.

    Raises:
        ValueError: there are not so many, or too few for every class.
    """
    if labels == "all":
        return split
    task = of_split(split)
    try:
        hidden = task.hidden(split.targets)
    except ValueError as error:
        raise ValueError(f"dataset.labels={labels}: {error}") from error
    if labels != "none":
        if isinstance(labels, (str, bool)) or labels < 1:
            raise ValueError(f"dataset.labels={labels}: give all, none, or a number of samples.")
        kept = subset(task.strata(split.targets), labels, seed, "dataset.labels")
        hidden[kept] = split.targets[kept]
    return replace(split, targets=hidden)


def partly_labelled(
    whole: Split, test: Split | None, val: Split | None, labels: Labels, cuts: Cuts
) -> tuple[Split, Split | None, Split]:
    """Training, validation and test samples of data without domains; see `combine` and `hide`.

    Args:
        whole: every sample, or every one for training.
        test: a test split that comes with the data.
        val: likewise for validation; read where all labels may be.
        labels: `all`, `none`, or how many training samples keep their label.
        cuts: how the data are cut.

    Raises:
        ValueError: a fraction, a size or a number of labels does not fit the data.
    """
    if labels == "all":
        return cuts.split(whole, test, val)
    train, test = cuts.divide(whole, test)
    known = hide(train, "none", cuts.split_seed) if labels == "none" else train
    rest, _ = cuts.unvalidated.validated(known)
    return hide(rest, labels, cuts.split_seed), None, test


def standardise(source: Split, target: Split) -> Encoder:
    """Mean 0 and deviation 1 over the source's training samples; a constant becomes 0."""
    known = rows(source).double()
    mean, deviation = known.mean(0), known.std(0, correction=0)
    deviation[deviation == 0] = 1.0

    def encode(split: Split) -> Split:
        return with_inputs(split, ((rows(split).double() - mean) / deviation).float())

    return encode


def rows(split: Split) -> Tensor:
    """The (N, D) inputs of a split that lies in memory."""
    assert isinstance(split, Arrays)
    return rows_of(split.inputs)


def with_inputs(split: Split, inputs: Input) -> Split:
    """The same samples with other inputs."""
    assert isinstance(split, Arrays)
    return replace(split, inputs=inputs)
