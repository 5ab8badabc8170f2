"""Stratified cuts of a training set: a function of its targets and `split_seed` alone."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from kdrun.dataset.random import bits
from kdrun.task.choose import of_split
from kdrun.task.form import by_form
from kdrun.types import Arrays, Files, Split, map_input


def cut(
    train: Split, val_fraction: float, split_seed: int, train_size: int | None = None
) -> tuple[Split, Split | None]:
    """Cut a validation split from the training data, then keep `train_size` of the rest.

    The validation split is the same for every `train_size`, so learning curves share it.

    Args:
        train: every training sample.
        val_fraction: how much goes to validation; 0 for none.
        split_seed: what the choice is a function of.
        train_size: how many samples remain for training; None for all.

    Returns:
        The training and the validation split.

    Raises:
        ValueError: the fraction or the size does not fit the data.
    """
    val = None
    if val_fraction != 0:
        groups = train.groups
        rest, held = hold_out(strata(train), val_fraction, split_seed, "val_fraction", groups)
        train, val = select(train, rest), select(train, held)
    if train_size is not None:
        train = select(train, subset(strata(train), train_size, split_seed))
    return train, val


def hold_out(
    targets: Tensor, fraction: float, seed: int, name: str, groups: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Split positions in two with the same class proportions.

    A class always keeps one sample in the first part: one that has a single sample is not held
    out at all.

    Args:
        targets: (N,) classes, or other `strata`; values, which are cut by fifths.
        fraction: how much of every class goes to the second part, above 0 and below 1.
        seed: what the choice is a function of.
        name: what the user calls the fraction, for the message.
        groups: (N,) which samples stay together. The fraction is then met as nearly as whole
            groups allow, and no class is sure to be in both parts.

    Returns:
        The positions that stay and those held out, both in ascending order.

    Raises:
        ValueError: nothing, or everything, would be held out.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"{name}={fraction} is not a fraction: give 0 <= {name} < 1.")
    targets = by_form(targets).strata(targets)
    if groups is not None:
        return _hold_out_groups(targets, groups, fraction, seed, name)
    counts = torch.unique(targets, return_counts=True)[1].tolist()
    size, most = round(fraction * len(targets)), [count - 1 for count in counts]
    if not 0 < size <= sum(most):
        raise ValueError(
            f"{name}={fraction} of {len(targets)} samples is {size}, but between 1 and "
            f"{sum(most)} can be held out, since each of the {len(counts)} classes keeps one. "
            f"Change {name}, or give more samples."
        )
    quotas = _quotas(counts, size, [0] * len(counts), most)
    held = _first(targets, quotas, seed, name)
    return held.logical_not().nonzero().squeeze(1), held.nonzero().squeeze(1)


def _hold_out_groups(
    targets: Tensor, groups: Tensor, fraction: float, seed: int, name: str
) -> tuple[Tensor, Tensor]:
    """The first of 1 / fraction folds of whole groups, by scikit-learn; at least one group."""
    from sklearn.model_selection import StratifiedGroupKFold

    known = len(groups.unique())
    if known < 2:
        raise ValueError(f"{name}={fraction}: all samples are of one group, which stays together.")
    count = min(max(2, round(1 / fraction)), known)
    folds = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        rest, held = next(folds.split(targets, targets, groups))
    return torch.from_numpy(rest), torch.from_numpy(held)


def subset(targets: Tensor, size: int, seed: int, name: str = "train_size") -> Tensor:
    """Choose `size` positions with the class proportions of the whole, each class at least once.

    Args:
        targets: (N,) classes, or other `strata`; values, which are cut by fifths.
        size: how many.
        seed: what the choice is a function of.
        name: what the user calls the size, for the message.

    Raises:
        ValueError: there are fewer samples, or more classes, than `size`.
    """
    targets = by_form(targets).strata(targets)
    counts = torch.unique(targets, return_counts=True)[1].tolist()
    if not len(counts) <= size <= len(targets):
        raise ValueError(
            f"{name}={size} is not possible: there are {len(targets)} training samples "
            f"(validation not counted) of {len(counts)} classes, and each class needs one. "
            f"Give {len(counts)} to {len(targets)}."
        )
    quotas = _quotas(counts, size, [1] * len(counts), counts)
    return _first(targets, quotas, seed, name).nonzero().squeeze(1)


def strata(split: Split) -> Tensor:
    """(N,) the group of each sample whose proportions every cut keeps, as its task says."""
    return of_split(split).strata(split.targets)


def select(split: Split, index: Tensor) -> Split:
    """The samples of a split at some positions; each keeps its name."""
    targets = split.targets[index]
    names = sample_ids(split)
    ids = [names[i] for i in index.tolist()]
    groups = None if split.groups is None else split.groups[index]
    if isinstance(split, Files):
        paths = [split.paths[i] for i in index.tolist()]
        return replace(split, paths=paths, targets=targets, ids=ids, groups=groups)
    marks = None if split.marks is None else split.marks[index]
    inputs = map_input(lambda tensor: tensor[index], split.inputs)
    return Arrays(inputs, targets, ids, groups, marks, split.task)


def sample_ids(split: Split) -> list[str]:
    """What the samples are called: their ids; else FOLDER/FILE, or positions in the uncut data."""
    if split.ids is not None:
        return split.ids
    if isinstance(split, Files):
        return ["/".join(Path(path).parts[-2:]) for path in split.paths]
    return [str(position) for position in range(len(split))]


def _quotas(counts: list[int], size: int, least: list[int], most: list[int]) -> list[int]:
    """Share `size` among classes by largest remainder, within bounds that leave room for it."""
    exact = [size * count / sum(counts) for count in counts]
    quotas = [min(max(int(e), lo), hi) for e, lo, hi in zip(exact, least, most, strict=True)]
    classes = range(len(counts))
    while (missing := size - sum(quotas)) != 0:
        step = 1 if missing > 0 else -1
        bounds = most if missing > 0 else least
        movable = [c for c in classes if quotas[c] != bounds[c]]
        quotas[max(movable, key=lambda c: step * (exact[c] - quotas[c]))] += step
    return quotas


def _first(targets: Tensor, quotas: list[int], seed: int, stream: str) -> Tensor:
    """Mask of the first samples of each class in a random order, as many as its quota."""
    order = bits(seed, 0, torch.arange(len(targets)), stream).argsort(stable=True)
    chosen = torch.zeros(len(targets), dtype=torch.bool)
    for label, quota in zip(targets.unique().tolist(), quotas, strict=True):
        chosen[order[targets[order] == label][:quota]] = True
    return chosen


def channel_statistics(train: Split) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of some images, on the scale [0, 1].

    Args:
        train: the images that the student learns from.

    Returns:
        Exact means and deviations of (N, C, H, W) uint8 arrays, where a constant channel has the
        deviation 1 so that one can divide by it. ImageNet's for files, which are not all decoded
        for this. Both empty where the inputs are not images.
    """
    if isinstance(train, Files):
        return (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    if isinstance(train.inputs, dict) or train.inputs.dtype != torch.uint8:
        return (), ()
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, deviations = [], []
    for channel in train.inputs.unbind(1):
        share = torch.bincount(channel.flatten(), minlength=256).double() / channel.numel()
        mean = float((share * levels).sum())
        means.append(mean)
        deviations.append(float((share * (levels - mean) ** 2).sum().sqrt()) or 1.0)
    return tuple(means), tuple(deviations)
