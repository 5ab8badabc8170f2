"""`--format safetensors`: the weights alone, under the names that the model's own class gives them.

`timm.create_model(...).load_state_dict(load_file(...))` reads them where the model is timm's. The
header says which class it is and how its input is normalised, which is not done for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from kdrun.export.student import Embedding, Exported
from kdrun.model import build
from kdrun.sample import read_shape
from kdrun.task.choose import from_header
from kdrun.types import Input

SUFFIX = ".safetensors"


def write(path: Path, student: Exported) -> None:
    """Write the weights of the inner network, with what to know in the header.

    Raises:
        ValueError: a loss has put more around the network than its class has names for.
    """
    header = student.header
    if around := header.get("around"):
        raise ValueError(
            f"this student is {header['name']} inside of {around['_target_']}, and its weights "
            "alone are no network that others know: --format onnx and torch_export hold it all"
        )
    weights = {
        name.removeprefix("net."): tensor.detach().contiguous()
        for name, tensor in student.network.network.state_dict().items()
        if not (student.head and name.startswith(f"net.{student.head}."))
    }
    path.write_bytes(save(weights, metadata=student.metadata | _outside(header, student.metadata)))


def _outside(header: dict[str, Any], metadata: Mapping[str, str]) -> dict[str, str]:
    """What is inside of the graph in other formats."""
    told = {"model": json.dumps({k: v for k, v in header["model"].items() if k != "pretrained"})}
    if task := header.get("task"):
        told["task"] = json.dumps(task)
    known = json.loads(metadata["preprocess"])
    if "inside" in known:
        told["preprocess"] = json.dumps({**known, "inside": []})
    if header["mean"]:
        told["normalise"] = "subtract mean, then divide by std, per channel, before the network"
    mean, std = header.get("unit", (0.0, 1.0))
    if (mean, std) != (0.0, 1.0):
        told["unit"] = json.dumps([mean, std])
        told["rescale"] = "multiply what the network says by unit[1], then add unit[0]"
    return told


def read(path: Path, plugins: Sequence[str] = ()) -> Callable[[Input], Tensor]:
    """The network that the header names, as a function: all it knows is in the file."""
    with safe_open(path, framework="pt") as file:
        metadata = {key: _value(text) for key, text in file.metadata().items()}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    classes, shape = metadata["classes"], read_shape(metadata["shape"])
    task = from_header(metadata, plugins)
    network = build(
        metadata["model"],
        num_classes=len(classes) or 1,
        shape=shape,
        plugins=plugins,
        place="written",
        task=task,
    )
    net: nn.Module = network.net.eval()
    if head := metadata.get("head") if metadata.get("backbone") else None:
        weights |= {k: v for k, v in net.state_dict().items() if k.startswith(f"{head}.")}
    net.load_state_dict(weights)
    if head:
        network.keep(("embedding",))
        net = Embedding(network)
    mean, std = (torch.tensor(metadata[key]).view(-1, 1, 1) for key in ("mean", "std"))
    centre, spread = metadata.get("unit", (0.0, 1.0))

    def answer(samples: Input) -> Tensor:
        if isinstance(samples, dict):
            said = net(**samples)
        else:
            said = net((samples - mean) / std if metadata["mean"] else samples)
        logits: Tensor = getattr(said, "logits", said)
        rescaled: Tensor = logits * spread + centre
        return rescaled

    return answer


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
