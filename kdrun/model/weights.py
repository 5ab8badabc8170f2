"""Weights into networks, and networks from weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdrun.config.instantiate import call
from kdrun.files.checkpoint import load_weights, read_header, save_student, weights_file
from kdrun.model import build, offline, stack
from kdrun.model.bounded import as_described
from kdrun.model.features import Network, Student
from kdrun.sample import read_shape
from kdrun.task.choose import from_header
from kdrun.types import Shape


def load(network: Student, path: Path | str) -> None:
    """Fill a network with the weights of a run; `kdrun.model.adopt` takes those of anybody.

    Raises:
        ValueError: the file is damaged, or holds the weights of another network.
        FileNotFoundError: it does not exist.
    """
    weights = load_weights(path)
    if problem := mismatch(network.state_dict(), weights):
        name = read_header(path).get("name", "another network")
        own = type(network.inner.net).__name__
        raise ValueError(f"{path} holds {name}, not this {own}: {problem}")
    network.load_state_dict(weights)


def mismatch(own: dict[str, Tensor], given: dict[str, Tensor]) -> str:
    """Why weights do not fit a network, with examples; empty if they do."""
    told = []
    for what, names in (
        ("missing", own.keys() - given.keys()),
        ("unknown", given.keys() - own.keys()),
        ("of another shape", {k for k in own.keys() & given if own[k].shape != given[k].shape}),
    ):
        if names:
            told.append(f"{len(names)} {what}, such as {min(names)}")
    return "; ".join(told)


def save(
    path: Path,
    network: Student,
    name: str,
    config: dict[str, Any],
    *,
    classes: Sequence[str],
    shape: Shape,
    reader: Mapping[str, Any] | None = None,
    task: Mapping[str, Any] | None = None,
) -> None:
    """Write a network's weights with what `rebuild` needs.

    Args:
        path: a .safetensors file.
        network: the trained network.
        name: what users call it.
        config: its model yaml; a network that is `described` by itself is rebuilt from that.
        classes: of the data, if there are any.
        shape: of what the data give, of which only what the network reads is told.
        reader: of new files: `Dataset.reader`.
        task: what is predicted, as `Task.described`; None: as the classes say.
    """
    mean, std = network.inner.normalisation
    header = {
        "name": name,
        "model": getattr(network.inner.net, "described", config),
        "around": getattr(network, "config", None),
        "reads": [len(classes)] if isinstance(network, stack.Stack) else None,
        "mean": mean,
        "std": std,
        "unit": network.inner.unit,
        "classes": list(classes),
        "shape": network.reader.own(shape),
    }
    if task is not None:
        header["task"] = dict(task)
    if (dtype := network.inner.dtype) is not None:
        header["precision"] = str(dtype).removeprefix("torch.")
    save_student(path, network.state_dict(), header, reader)


def rebuild(path: Path | str, plugins: Sequence[str] = ()) -> Student:
    """The network of a file that `save` wrote, with its weights.

    It computes in the number format in which it was scored, and so answers as its row says;
    `in_float32` changes that.

    Raises:
        ValueError: the file is damaged, was not written by kdrun, or names what may not stand there
            (`kdrun.security.places`).
        FileNotFoundError: it does not exist.
    """
    header = read_header(path)
    if not header:
        raise ValueError(f"{path} was not written by kdrun: it does not say which model it is")
    network = _as_described(header, weights_file(path), plugins)
    load(network, path)
    if header.get("precision") == "bfloat16":
        _compute(network, torch.bfloat16)
    return network


def _as_described(header: Mapping[str, Any], file: Path, plugins: Sequence[str]) -> Student:
    """The untrained network of a header."""
    task = from_header(header, plugins)
    with as_described(file, plugins):
        network: Student = build(
            offline(header["model"]),
            num_classes=task.width,
            shape=read_shape(header.get("reads") or header["shape"]),
            mean=header["mean"],
            std=header["std"],
            plugins=plugins,
            place="written",
            task=task,
        )
        network.inner.unit = tuple(header.get("unit", (0.0, 1.0)))
        if header.get("around"):
            network = call(header["around"], "around", plugins, student=network)
    return network


def in_float32(network: Student) -> Student:
    """A rebuilt network that computes in float32, in whatever format it was scored."""
    _compute(network, None)
    return network


def _compute(network: Student, dtype: torch.dtype | None) -> None:
    for part in network.modules():  # all there are: a stack holds two networks
        if isinstance(part, Network):
            part.dtype = dtype
