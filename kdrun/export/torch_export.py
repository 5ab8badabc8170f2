"""`--format torch_export`: a graph that `torch.export.load` reads, without the model's own code."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from kdrun.export.student import Exported
from kdrun.types import Input

SUFFIX = ".pt2"

METADATA = "metadata.json"
"""Of the extra files in the archive: ask for it by `torch.export.load(file, extra_files=...)`."""

EXAMPLES = 2
"""Samples in the traced batch. One would be taken for the constant 1."""


def trace(student: Exported) -> ExportedProgram:
    """The student as a graph whose batch may have any size.

    Raises:
        ValueError: it is no graph: what it computes depends on values in Python, say.
    """
    samples, batch = student.samples, Dim("batch")
    example: Input
    free: dict[Any, Any]
    if isinstance(samples, dict):
        example = {key: value[:EXAMPLES].contiguous() for key, value in samples.items()}
        # A text may have any length, where the network lets it.
        free = {
            key: {0: batch} | dict.fromkeys(range(1, v.ndim), Dim.AUTO)
            for key, v in example.items()
        }
    else:
        example, free = samples[:EXAMPLES].contiguous(), {0: batch}
    try:
        # A copy: torch puts copies of dicts where a traced network's hooks do not look for them.
        traced = copy.deepcopy(student.network)
        return torch.export.export(traced, (example,), dynamic_shapes={"input": free})
    except Exception as error:  # of many classes, some of them torch's own
        lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()]
        reason = " ".join(lines[:2])
        if "specialized it to be a constant" in reason:
            reason = "it computes for batches of one size only; len(x) does that, x.shape[0] not"
        raise ValueError(
            f"{student.header['name']} cannot be written as a graph: {reason}; "
            "--format safetensors holds its weights"
        ) from error


def write(path: Path, student: Exported) -> None:
    """Write the graph, with what to know of it as `metadata.json` inside."""
    program = trace(student)
    extra = {METADATA: json.dumps(student.metadata, indent=1)}
    with path.open("wb") as file:  # by name it insists on its suffix
        torch.export.save(program, file, extra_files=extra)


def read(path: Path, plugins: Sequence[str] = ()) -> Callable[[Input], Tensor]:
    """The graph as a function."""
    with path.open("rb") as file:
        module = torch.export.load(file).module()
    return lambda samples: cast(Tensor, module(samples))
