"""Arrays of the user's own, in one .npz file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from kdrun.dataset.arrays import Array, read_npz, require, to_inputs, to_labels, to_names
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.domains import Labels, number_groups, partly_labelled
from kdrun.dataset.split import channel_statistics
from kdrun.types import Arrays, Dataset


@with_cuts()
def npz(
    path: str,
    labels: Labels = "all",
    *,
    cuts: Cuts,
) -> Dataset:
    """Images or rows of numbers with class labels.

    The file holds `x_train`, `y_train`, `x_test`, `y_test`, and may hold `x_val`, `y_val` (which
    then are the validation split, whatever `val_fraction` says), `classes`, their names, and
    `groups_train`: samples of one value, such as a patient, stay together in every cut. Inputs are
    as for `to_inputs`; labels are integers from 0.

    Args:
        path: the file.
        labels: `all`, `none`, or how many training samples keep their label; with less than `all`
            there is no validation split either.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an array is missing or malformed; the message says which and where.
    """
    arrays = read_npz(path)
    parts, classes = check_parts(arrays, path)
    train, val, test = partly_labelled(
        parts["train"], parts["test"], parts.get("val"), labels, cuts
    )
    mean, std = channel_statistics(train)
    notes = tuple(_notes(arrays, parts))
    return Dataset(train, val, test, classes, _shape(parts), mean, std, notes=notes)


def check_parts(
    arrays: Mapping[str, Array], path: str | Path
) -> tuple[dict[str, Arrays], list[str]]:
    """The splits that some arrays hold, and the names of the classes.

    Args:
        arrays: as in the file of `npz`.
        path: where they are from, for the messages.

    Raises:
        ValueError: an array is missing or malformed; the message says which and where.
    """
    names = ("train", "val", "test") if "x_val" in arrays else ("train", "test")
    parts = {name: _part(arrays, name, path) for name in names}
    _shape(parts)
    return parts, _classes(arrays.get("classes"), parts)


def _part(arrays: Mapping[str, Array], name: str, path: str | Path) -> Arrays:
    """The samples and labels of one split."""
    x, y = (require(arrays, f"{letter}_{name}", path) for letter in "xy")
    inputs, labels = to_inputs(x, f"x_{name}"), to_labels(y, f"y_{name}")
    if len(inputs) != len(labels) or len(labels) == 0:
        raise ValueError(
            f"x_{name} has {len(inputs)} samples and y_{name} {len(labels)} labels: give as many "
            "labels as samples, at least one."
        )
    groups = arrays.get(f"groups_{name}")
    if groups is None:
        return Arrays(inputs, labels)
    if groups.shape != (len(labels),):
        raise ValueError(f"groups_{name} has the shape {groups.shape}: give one group a sample.")
    return Arrays(inputs, labels, groups=number_groups(groups.tolist()))


def _shape(parts: Mapping[str, Arrays]) -> tuple[int, ...]:
    """The shape of one sample, the same in all parts."""
    shapes = {}
    for name, part in parts.items():
        assert isinstance(part.inputs, Tensor)
        shapes[name] = tuple(part.inputs.shape[1:])
        if shapes[name] != shapes["train"]:
            raise ValueError(
                f"x_{name} has samples shaped {shapes[name]}, x_train {shapes['train']} "
                "(channels first): all must be alike."
            )
    return shapes["train"]


def _classes(names: Array | None, parts: Mapping[str, Arrays]) -> list[str]:
    """The names in the file, or the numbers up to the largest training label."""
    if names is None:
        count = int(parts["train"].targets.max()) + 1
        classes, source = [str(number) for number in range(count)], "y_train"
    else:
        classes, source = to_names(names, "classes"), "classes"
    for name, part in parts.items():
        wrong = (part.targets >= len(classes)).nonzero()
        if len(wrong):
            raise ValueError(
                f"y_{name}[{int(wrong[0])}] is {int(part.targets[wrong[0]])}, but '{source}' "
                f"tells of {len(classes)} classes: allowed are 0 to {len(classes) - 1}."
                f"{' None is 0: subtract 1 if yours begin at 1.' if part.targets.min() else ''}"
            )
    return classes


def _notes(arrays: Mapping[str, Array], parts: Mapping[str, Arrays]) -> Iterator[str]:
    """What was assumed and left out."""
    read = {f"{letter}_{part}" for letter in ("x", "y", "groups") for part in parts}
    if others := sorted(arrays.keys() - read - {"classes"}):
        yield f"arrays not read: {', '.join(others)}"
    first = min(int(part.targets.min()) for part in parts.values())
    if first > 0:
        yield (
            f"the least label is {first}, but labels are positions from 0, and no sample is of "
            "class 0: subtract 1 if yours begin at 1"
        )
    x, inputs = arrays["x_train"], parts["train"].inputs
    assert isinstance(inputs, Tensor)
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] in (1, 3):
        yield f"images shaped {x.shape} are read as (N, H, W, C), the channels last"
    if inputs.dtype == torch.uint8 and inputs.max() <= 1:
        yield "no pixel is above 1, and white is 255: multiply by 255 if 1 is your white"
