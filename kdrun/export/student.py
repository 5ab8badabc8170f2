"""A run's student as a function of plain tensors, with samples to try it on and what to know."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdrun.dataset.loader import make_loader
from kdrun.dataset.split import select
from kdrun.export.preprocess import fields, words
from kdrun.files.checkpoint import read_header, read_reader, weights_file
from kdrun.model.features import Network
from kdrun.model.weights import in_float32, rebuild
from kdrun.results.record import load_record
from kdrun.run.data import read_data
from kdrun.sample import blank, read_shape, rows_shape
from kdrun.task.choose import from_header
from kdrun.types import Batch, Dataset, Files, Input, Shape

SAMPLES = 11
"""How many samples a file is tried on."""


class Answering(nn.Module):
    """A student from plain inputs to logits, or to values in regression.

    Args:
        network: from `Batch` to `Outputs`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, input: Input) -> Tensor:
        """(N, C, H, W) images in [0, 1], (N, D) rows or a dict of tensors to (N, num_classes)."""
        nothing = torch.zeros(0)
        logits: Tensor = self.network(Batch(input, nothing, nothing)).logits
        return logits


class Embedding(Answering):
    """A student from plain inputs to what its head reads: a backbone.

    Args:
        network: from `Batch` to `Outputs` with an embedding.
    """

    def forward(self, input: Input) -> Tensor:
        """Likewise to (N, D)."""
        nothing = torch.zeros(0)
        embedding: Tensor = self.network(Batch(input, nothing, nothing)).embedding
        return embedding.flatten(1)


@dataclass
class Exported:
    """What is to be exported.

    Attributes:
        network: the student with its normalisation, in evaluation mode and float32.
        header: of its file of weights.
        samples: inputs that it can read.
        real: whether they are the run's own training samples; else they are noise.
        metadata: what a reader of the file has to know; each value is text, lists and objects are
            JSON.
        file: of its weights.
        head: the name of the classifier, where it is left behind; empty where it is not.
        reader: of new files, as `Dataset.reader`.
        files: pictures that it was trained on, where these are files.
    """

    network: Answering
    header: dict[str, Any]
    samples: Input
    real: bool
    metadata: dict[str, str]
    file: Path | None = None
    head: str = ""
    reader: dict[str, Any] | None = None
    files: Sequence[str] = ()

    @property
    def inputs(self) -> list[str]:
        """What the inputs are called."""
        return list(self.samples) if isinstance(self.samples, dict) else ["input"]


def open_student(run: str, plugins: Sequence[str] = ()) -> Exported:
    """Read the student of a run, and some of the data that it was trained on.

    Args:
        run: folder of a finished run, or a file of weights that kdrun wrote. Without a record
            beside it, or where the run's data are gone, the samples are noise.
        plugins: packages that the model's `_target_` may name.

    Raises:
        ValueError: the weights cannot be read, or the student reads no single tensor and there are
            no data to see what it does read.
        FileNotFoundError: there are no weights.
    """
    file = weights_file(run)
    network = in_float32(rebuild(run, plugins)).eval()
    header = read_header(file)
    data, reason = _data(file.parent, plugins)
    shape = read_shape(header["shape"])
    if data is not None:
        samples = network.reader.own(_first(data))
    elif shape:
        samples = _noise(shape)
    else:
        raise ValueError(f"what {header['name']} reads is seen from its data only, and {reason}")
    with torch.no_grad():
        network(Batch(samples, torch.zeros(0), torch.zeros(0)))  # looks at its stages, if it must
    reader = read_reader(file)
    if from_header(header, plugins).boxed:
        reader = {**(reader or {}), "whole": True}  # as `kdrun predict` reads pictures
    facts = {key: _text(value) for key, value in _facts(header, file, data, reader).items()}
    files = data.train.paths[:SAMPLES] if data and isinstance(data.train, Files) else ()
    real, whole = data is not None, Answering(network).eval()
    return Exported(whole, header, samples, real, facts, file, reader=reader, files=files)


def as_backbone(student: Exported) -> Exported:
    """The same without its head, which answers with the embedding.

    Raises:
        ValueError: it has no head that could be left behind.
    """
    network = student.network.network
    if not isinstance(network, Network) or isinstance(student.samples, dict):
        raise ValueError("--backbone is of one network that reads images or rows of numbers")
    if not network.head:
        raise ValueError(f"{type(network.net).__name__} names no head: write it in its yaml")
    network.keep(("embedding",))
    with torch.no_grad():
        width = Embedding(network)(student.samples).shape[1]
    metadata = {
        **student.metadata,
        "output": f"embedding (N, {width}), which a classifier of your own reads",
        "backbone": json.dumps(True),
        "head": network.head,
    }
    whole = Embedding(network).eval()
    return replace(student, network=whole, metadata=metadata, head=network.head)


def _noise(shape: Shape) -> Input:
    generator = torch.Generator().manual_seed(0)
    draw = torch.rand if len(rows_shape(shape)) == 3 else torch.randn
    return blank(shape, SAMPLES, make=functools.partial(draw, generator=generator))


def _data(folder: Path, plugins: Sequence[str]) -> tuple[Dataset | None, str]:
    """The data of a run, or why there are none."""
    try:
        return read_data(load_record(folder)["config"], plugins), ""
    except (ValueError, OSError, KeyError) as error:
        return None, f"these cannot be read: {error}"


def _first(data: Dataset) -> Input:
    few = select(data.train, torch.arange(min(SAMPLES, len(data.train))))
    samples: Input = next(iter(make_loader(few, SAMPLES, seed=0, train=False).epoch(0))).input
    return samples


def _facts(
    header: dict[str, Any], file: Path, data: Dataset | None, reader: dict[str, Any] | None
) -> dict[str, Any]:
    """What is written into every format."""
    classes, shape = header["classes"], read_shape(header["shape"])
    told = fields(header, reader)
    facts = {
        "name": header["name"],
        "run": file.resolve().parent.name,
        "classes": classes,
        "shape": shape,
        "input": _reads(shape),
        "output": _says(header),
        "mean": header["mean"],
        "std": header["std"],
        "preprocess": told,
        "from_a_file": words(told),
    }
    if data is not None and data.columns:
        facts["columns"] = data.columns
    return facts


def _says(header: dict[str, Any]) -> str:
    if header["classes"]:
        return "logits (N, classes); their softmax is the probability of each class"
    if tokens := (header.get("task") or {}).get("vocabulary"):
        return f"logits (N, L, {tokens}); their softmax is the probability of each next token"
    return "values (N, 1), in the unit of the data"


def _reads(shape: Shape) -> str:
    if isinstance(shape, dict):
        return f"whole numbers (N, L), int64: {', '.join(shape)}, as the run's tokenizer gives them"
    if len(shape) == 3:
        kind = {1: "grey ", 3: "RGB "}.get(shape[0], "")
        size = ", ".join(map(str, shape))
        return f"{kind}images (N, {size}), float32 from 0 to 1"
    if shape:
        return f"rows (N, {shape[0]}), float32, prepared as the run's dataset prepares them"
    return "tensors by name, as the run's dataset gives them"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
