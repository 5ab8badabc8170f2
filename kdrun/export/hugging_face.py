"""`--format hugging_face`: a folder that `transformers` loads, its tokenizer and a model card."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdrun.export.card import card
from kdrun.export.student import Exported
from kdrun.files.checkpoint import read_reader
from kdrun.hub import library
from kdrun.types import Input

SUFFIX = ""
"""The folder is called `export`."""

FOLDER = True
"""What is written is one."""


def write(path: Path, student: Exported) -> None:
    """Write the network as its own class does, what cuts texts into tokens, and a README.md.

    Args:
        path: of a folder, which is made.
        student: over a network of transformers.

    Raises:
        ValueError: it is none, or a loss has put more around it than transformers knows.
    """
    header = student.header
    if around := header.get("around"):
        raise ValueError(
            f"this student is {header['name']} inside of {around['_target_']}, which transformers "
            "does not know: --format onnx and torch_export hold it all"
        )
    network: Any = student.network.network
    net = network.inner.net
    if not hasattr(net, "save_pretrained") or not hasattr(net, "config"):
        raise ValueError(
            f"{header['name']} is no network of transformers: --format onnx, torch_export or "
            "safetensors hold it"
        )
    path.mkdir()
    library().utils.logging.disable_progress_bar()  # of weights at hand
    if header["classes"]:
        net.config.id2label = dict(enumerate(header["classes"]))
        net.config.label2id = {name: number for number, name in enumerate(header["classes"])}
    end = (header.get("task") or {}).get("end", -1)
    reader = (read_reader(student.file) if student.file is not None else None) or {}
    if end >= 0:
        _writes(net, end, (reader.get("layout") or {}).get("start", end))
    net.save_pretrained(path)
    net.config.use_cache = False
    _tokenizer(path, reader, end)
    (path / "README.md").write_text(card(student, "transformers"), encoding="utf-8")


def _writes(net: Any, end: int, start: int) -> None:
    """Tell a language model where its texts end, and to remember what it has read."""
    net.config.use_cache = True
    told = {"eos_token_id": end, "pad_token_id": end, "use_cache": True}
    if net.config.is_encoder_decoder:
        told["decoder_start_token_id"] = start
    for key, value in told.items():
        setattr(net.config, key, value)
    net.generation_config = library().GenerationConfig(**told)


def _tokenizer(path: Path, reader: Mapping[str, Any], end: int) -> None:
    """What cuts texts into tokens, where there is one such."""
    several = reader.get("tokens") or {}
    text = reader.get("tokenizer") or (next(iter(several.values())) if len(several) == 1 else None)
    if text is None:
        return
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(text)
    names: dict[str, Any] = {}
    if end >= 0:
        names = dict.fromkeys(("eos_token", "pad_token"), made.id_to_token(end))
    fast: Any = library().PreTrainedTokenizerFast(tokenizer_object=made, **names)
    fast.chat_template = (reader.get("chat") or {}).get("template")
    fast.save_pretrained(path)


def read(path: Path, plugins: Sequence[str] = ()) -> Callable[[Input], Tensor]:
    """The folder as a function, by transformers alone."""
    transformers = library()
    kind = json.loads((path / "config.json").read_text())["architectures"][0]
    net = getattr(transformers, kind).from_pretrained(path, dtype=torch.float32).eval()

    def answer(samples: Input) -> Tensor:
        assert isinstance(samples, dict)
        logits: Tensor = net(**samples).logits
        return logits

    return answer
