"""`--format onnx`: a graph for onnxruntime and whatever else reads ONNX."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdrun.export.check_pixels import seen
from kdrun.export.check_pixels import told as words_of
from kdrun.export.pixels import Layout, read_pixels, told_of
from kdrun.export.student import Exported
from kdrun.export.torch_export import trace
from kdrun.security.quiet import onnxruntime
from kdrun.types import Input

SUFFIX = ".onnx"

OUTPUT = {True: "logits", False: "value"}
"""What the output is called, with classes and without."""


def write(path: Path, student: Exported) -> None:
    """Write the graph, with what to know of it as its metadata.

    Raises:
        ValueError: it is no graph, ONNX has no operator for a part of it, or a library is missing.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401

        onnxruntime()  # before the work, since the check needs it
    except ImportError as error:
        raise ValueError(f"{error.name} is not installed: pip install 'kdrun[onnx]'") from error
    program = trace(student)
    try:
        made = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            input_names=student.inputs,
            output_names=[OUTPUT[bool(student.header["classes"])]],
        )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{student.header['name']} cannot be written in ONNX: {reason}; "
            "--format torch_export may hold it"
        ) from error
    assert made is not None
    model = made.model_proto
    _name_batch(model.graph)
    onnx.helper.set_model_props(model, student.metadata)
    path.write_bytes(model.SerializeToString())


def _name_batch(graph: Any) -> None:
    """Call the first dimension `batch`, which torch gives a symbol of its own."""
    symbol = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param == symbol:
                dimension.dim_param = "batch"


def with_pixels(path: Path, student: Exported, layout: Layout) -> tuple[Exported, str]:
    """Let a written graph read pixels of any size, and hold that beside Pillow.

    Args:
        path: of the graph, which is changed.
        student: that is in it.
        layout: of the pixels.

    Returns:
        The student with the metadata of the new file; and what was found, in words.

    Raises:
        DiffersError: it makes other pixels of a picture, or other answers.
    """
    import onnx

    student = replace(student, metadata=told_of(student.metadata, layout))
    told, model = json.loads(student.metadata["preprocess"]), onnx.load(path)
    steps = read_pixels(model, told, layout)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, student.metadata)
    path.write_bytes(model.SerializeToString())
    found = seen(student, _session(steps.SerializeToString()), _session(str(path)), layout)
    return student, words_of(found, told["filter"])


def _session(source: str | bytes) -> Any:
    """A graph, or the file of one, in onnxruntime."""
    library = onnxruntime()
    options = library.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    return library.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def read(path: Path, plugins: Sequence[str] = ()) -> Callable[[Input], Tensor]:
    """The graph in onnxruntime as a function."""
    session = _session(str(path))
    names = [given.name for given in session.get_inputs()]

    def answer(samples: Input) -> Tensor:
        given = list(samples.values()) if isinstance(samples, dict) else [samples]
        told = dict(zip(names, (tensor.numpy() for tensor in given), strict=True))
        return torch.from_numpy(session.run(None, told)[0])

    return answer
