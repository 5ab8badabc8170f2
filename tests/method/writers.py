"""Tiny data of prompts and completions, and networks that write: for tests of methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from kdrun.dataset.pairs import pairs
from kdrun.model import build
from kdrun.model.features import Network
from kdrun.types import Dataset

GPT2: dict[str, Any] = {
    "_target_": "kdrun.model.causal.create",
    "architecture": "gpt2",
    "n_layer": 1,
    "n_head": 2,
    "n_embd": 8,
    "n_positions": 32,
    **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.1),
    "initializer_range": 0.3,
}
T5: dict[str, Any] = {
    "_target_": "kdrun.model.seq2seq.create",
    "architecture": "t5",
    "num_layers": 1,
    "num_decoder_layers": 1,
    "d_model": 8,
    "d_kv": 4,
    "d_ff": 8,
    "num_heads": 2,
    "initializer_factor": 2.0,
}
CONFIGS = {"joined": GPT2, "apart": T5}


def file(folder: Path) -> Path:
    """25 pairs, a table."""
    path = folder / "pairs.tsv"
    rows = [f"{a} and {b}\t{b} {a}" for a in "abcde" for b in "vwxyz"]
    path.write_text("\n".join(["prompt\tcompletion", *rows]) + "\n")
    return path


def data(folder: Path, form: str = "joined") -> Dataset:
    """The same, read: the vocabulary is that of the bytes."""
    return pairs(str(file(folder)), form=form, vocabulary=257, length=32)  # type: ignore[arg-type]


def network(of: Dataset, form: str = "joined", seed: int = 0) -> Network:
    """A network for these data that was never trained, but has opinions."""
    torch.manual_seed(seed)
    return build(CONFIGS[form], num_classes=of.task.width, shape=of.shape, task=of.task)
