"""Models of any framework, exported to ONNX."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from kdrun.dataset.arrays import Array
from kdrun.dataset.loader import make_loader
from kdrun.dataset.split import select
from kdrun.sample import ROWS, rows_of, rows_shape
from kdrun.security import bounds, memory
from kdrun.security.quiet import onnxruntime
from kdrun.teacher.base import Teacher
from kdrun.teacher.classes import ByName, log_probabilities, name_classes
from kdrun.types import Batch, Dataset, Input, Outputs, Shape

NUMBERS = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
Layout = Literal["auto", "nchw", "nhwc", "rows"]
Meaning = Literal["auto", "probabilities", "logits"]


class Onnx(Teacher):
    """A model in onnxruntime: plain samples in, (N, K) logits out.

    Args:
        session: of onnxruntime.
        layout: how it reads images: `nchw`, `nhwc`, `nhw` or `rows` of numbers; or `tokens` of
            texts, under their names.
        output: name of the output that counts.
        normalise: factor, and mean and standard deviation of each channel, for the samples.
        size: how many numbers it learnt; None where that is not known.
    """

    capturable = "onnxruntime answers by itself"

    def __init__(
        self,
        session: Any,
        layout: str,
        output: str,
        normalise: tuple[float, Sequence[float], Sequence[float]] = (1.0, (), ()),
        size: int | None = None,
    ) -> None:
        super().__init__()
        self.session, self.layout, self.output, self._size = session, layout, output, size
        self.scale, self.mean, self.std = normalise
        self.input = session.get_inputs()[0]
        self.meaning = "logits"
        self.keys: list[str] = []

    @property
    def size(self) -> int | None:
        """How many numbers it learnt; None where that is not known."""
        return self._size

    def forward(self, batch: Batch) -> Outputs:
        """What it says, as logits; of one number for two classes, the second class's."""
        said = torch.from_numpy(self.run(batch.input)).to(batch.index.device)
        if said.shape[1] == 1 and self.meaning != "value":
            if self.meaning == "probabilities":
                said = torch.cat([1 - said, said], dim=1)
            else:
                said = torch.cat([torch.zeros_like(said), said], dim=1)
        if self.meaning == "probabilities":
            return Outputs(log_probabilities(said))
        return Outputs(said.float())

    def run(self, samples: Input) -> Array:
        """The chosen output for (N, C, H, W) images, (N, D) rows or tokens, as (N, K) numbers."""
        if self.layout == "tokens":
            assert isinstance(samples, dict)
            names = [given.name for given in self.session.get_inputs()]
            return self._call({name: samples[name].cpu().numpy() for name in names})
        x = rows_of(samples).float().cpu() * self.scale
        if self.mean:
            mean, std = (torch.tensor(list(v)).view(-1, 1, 1) for v in (self.mean, self.std))
            x = (x - mean) / std
        rows = _arranged(x, self.layout).numpy()
        dtype = NUMBERS[self.input.type]
        rows = rows.round().astype(dtype) if dtype is np.uint8 else rows.astype(dtype)
        fixed = self.input.shape[0]
        if not isinstance(fixed, int) or fixed == len(rows):
            return self._call({self.input.name: np.ascontiguousarray(rows)})
        # A model that was exported for batches of one size gets such batches, the last one filled.
        filled = np.concatenate([rows, np.repeat(rows[-1:], -len(rows) % fixed, axis=0)])
        parts = [
            self._call({self.input.name: np.ascontiguousarray(filled[i : i + fixed])})
            for i in range(0, len(filled), fixed)
        ]
        return np.concatenate(parts)[: len(rows)]

    def _call(self, given: dict[str, Array]) -> Array:
        (said,) = self.session.run([self.output], given)
        if isinstance(said, list):  # a map from class to probability for each sample
            self.keys = [str(key) for key in said[0]]
            said = np.array([list(answer.values()) for answer in said])
        samples = len(next(iter(given.values())))
        return np.asarray(said, dtype=np.float64).reshape(samples, -1)


def _arranged(x: Tensor, layout: str) -> Tensor:
    if layout == "nhwc":
        return x.permute(0, 2, 3, 1)
    if layout == "nhw":
        return x.squeeze(1)
    return x.flatten(1) if layout == "rows" else x


def onnx(
    path: str,
    data: Dataset,
    device: torch.device,
    layout: Layout = "auto",
    scale: float = 1.0,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    output: str | None = None,
    meaning: Meaning = "auto",
    classes: Sequence[str] | None = None,
    provider: Literal["auto", "cpu", "cuda"] = "auto",
) -> nn.Module:
    """A teacher from an .onnx file. What its input and output mean is read from it, or given.

    Args:
        path: the file.
        data: what it will be asked about.
        device: where the student trains.
        layout: how it reads images.
        scale: what plain samples, images from 0 to 1, are multiplied by: 255 if it was trained
            on whole numbers.
        mean: of each channel, subtracted after that.
        std: of each channel, divided by then.
        output: which of its outputs, if it has several.
        meaning: of the output. `auto`: probabilities where they lie in [0, 1] and sum to one.
        classes: what its outputs are called, if the file does not say so (as one of `kdrun export`
            does) and it is not as the data's classes.
        provider: of onnxruntime. `auto`: CUDA where the student trains on it, if installed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: onnxruntime is not installed or cannot read the file, or the model does not
            fit the data; the message tells its shapes and the data's.
    """
    if not bounds.is_plain(path):
        raise FileNotFoundError(f"there is no file {path}")
    session = _open(path, _providers(provider, device))
    chosen = _output(session, output)
    arrangement = _layout(session, layout, data.shape)
    model = Onnx(session, arrangement, chosen, (scale, mean, std), _size(path))
    said = _try(model, data, path)
    model.meaning = _meaning(said, meaning, data)
    width = 2 if said.shape[1] == 1 and data.task.named else said.shape[1]
    if not data.task.named:
        return model
    known = name_classes(classes or _told(session, width) or model.keys or width, data.classes)
    if len(known) != width:
        raise ValueError(f"{len(known)} classes are named, but output {chosen} has {width} columns")
    return model if known == data.classes else ByName(model, known, data.classes)


def _open(path: str, providers: list[str]) -> Any:
    try:
        library = onnxruntime()
    except ImportError as error:
        raise ValueError("onnxruntime is not installed: pip install 'kdrun[onnx]'") from error
    options = library.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what goes wrong is raised, and told once
    try:
        with _watched(path, providers):
            return library.InferenceSession(path, options, providers=providers)
    except bounds.TooLargeError:
        raise
    except Exception as error:  # onnxruntime's have no class of their own
        reason = " ".join(str(error).split())[:500]
        raise ValueError(f"{path} is not a whole ONNX model: {reason}") from error


def _watched(path: str, providers: list[str]) -> AbstractContextManager[None]:
    """Of what a graph computes, sizes are known only when it does so; a GPU reserves far more."""
    if providers != ["CPUExecutionProvider"]:
        return nullcontext()
    return memory.watch(path, "what its graph computes")


def _providers(wanted: str, device: torch.device) -> list[str]:
    cuda, available = "CUDAExecutionProvider", onnxruntime().get_available_providers()
    if wanted == "cuda" and cuda not in available:
        raise ValueError(f"provider=cuda: this onnxruntime has {', '.join(available)}")
    use = wanted == "cuda" or (wanted == "auto" and device.type == "cuda" and cuda in available)
    return [*([cuda] if use else []), "CPUExecutionProvider"]


def _output(session: Any, wanted: str | None) -> str:
    """The output with numbers for each class: not skl2onnx's `label`, say."""
    outputs: dict[str, Any] = {o.name: o for o in session.get_outputs()}
    if wanted is not None:
        if wanted not in outputs:
            raise ValueError(f"it has no output '{wanted}', but {', '.join(outputs)}")
        return wanted
    able = [n for n, o in outputs.items() if o.type.startswith("seq(map") or o.type in NUMBERS]
    if len(able) != 1:
        raise ValueError(f"its outputs are {', '.join(outputs)}: give teacher.output=NAME")
    return able[0]


def _told(session: Any, width: int) -> list[str]:
    """The classes that the file's metadata names, if they are those of the output."""
    try:
        classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    except (KeyError, ValueError):
        return []
    named = isinstance(classes, list) and len(classes) == width
    return [str(name) for name in classes] if named else []


def _layout(session: Any, wanted: str, given: Shape) -> str:
    inputs = session.get_inputs()
    if isinstance(given, dict) and {each.name for each in inputs} <= given.keys() - {ROWS}:
        return "tokens"
    shape = rows_shape(given)
    if len(inputs) != 1 or inputs[0].type not in NUMBERS:
        told = ", ".join(f"{i.name} of {i.type}" for i in inputs)
        have = f" or, of these data, {', '.join(given)}" if isinstance(given, dict) else ""
        raise ValueError(f"it reads {told}: a teacher reads one tensor of numbers{have}")
    dims = inputs[0].shape
    forms: dict[str, tuple[int, ...]] = {"rows": (torch.Size(shape).numel(),)}
    if len(shape) == 3:
        c, h, w = shape
        forms |= {"nchw": (c, h, w), "nhwc": (h, w, c)} | ({"nhw": (h, w)} if c == 1 else {})
    fitting = [
        name
        for name, form in forms.items()
        if wanted in ("auto", name)
        and len(dims) == 1 + len(form)
        and all(not isinstance(d, int) or d == f for d, f in zip(dims[1:], form, strict=True))
    ]
    if len(fitting) == 1:
        return fitting[0]
    read = f"({', '.join('?' if not isinstance(d, int) else str(d) for d in dims)})"
    if fitting:
        raise ValueError(f"its input {read} may be {' or '.join(fitting)}: give teacher.layout")
    told = "" if wanted == "auto" else f" as {wanted}"
    raise ValueError(f"it reads {read}, and not samples of the data's shape {shape}{told}")


def _example(data: Dataset) -> Batch:
    few = select(data.train, torch.arange(min(64, len(data.train))))
    return next(iter(make_loader(few, 64, seed=0, train=False).epoch(0)))


def _try(model: Onnx, data: Dataset, path: str) -> Array:
    samples = _example(data).input
    try:
        with _watched(path, model.session.get_providers()):
            said = model.run(samples)
    except bounds.TooLargeError:
        raise
    except Exception as error:  # as above
        told = " ".join(str(error).split())
        raise ValueError(f"it fails on samples of shape {data.shape}: {told:.500}") from error
    if not np.isfinite(said).all():
        raise ValueError("its output is not finite for training samples; see teacher.scale")
    return said


def _meaning(said: Array, wanted: str, data: Dataset) -> str:
    if not data.task.named:
        return "value"
    inside = bool((said >= 0).all() and (said <= 1 + 1e-6).all())
    sums = said.sum(1)
    probable = inside and (said.shape[1] == 1 or bool((np.abs(sums - 1) < 1e-3).all()))
    if wanted == "probabilities" and not probable:
        raise ValueError(f"meaning=probabilities, but those of a sample sum to {sums[0]:.4g}")
    return ("probabilities" if probable else "logits") if wanted == "auto" else wanted


def _size(path: str) -> int | None:
    """How many numbers are stored in the model: weights, and thresholds and leaves of trees."""
    try:
        import onnx as library
    except ImportError:
        return None
    graph = library.load(path, load_external_data=False).graph
    tensors = [*graph.initializer, *(a.t for node in graph.node for a in node.attribute)]
    trees = sum(len(a.floats) for node in graph.node for a in node.attribute)
    return int(sum(np.prod(t.dims, dtype=int) for t in tensors if t.dims)) + trees or None
