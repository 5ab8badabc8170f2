"""Texts as tokens, by the tokenizers of Hugging Face `transformers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from kdrun.hub import library, require
from kdrun.hub.place import local


class Tokens:
    """Cuts texts into tokens, padded to the length of the longest.

    Args:
        described: what `load` found: of each tokenizer, what precedes the names of its tensors, and
            itself as JSON.
    """

    def __init__(self, described: Mapping[str, str]) -> None:
        from tokenizers import Tokenizer

        self.described = dict(described)
        self._tokenizers = {name: Tokenizer.from_str(text) for name, text in described.items()}

    @classmethod
    def load(cls, names: str | Sequence[str], max_length: int) -> Tokens:
        """Read tokenizers.

        Args:
            names: a folder or a name on the hub; or several.
            max_length: tokens of a text that are kept; no more than its models can read.

        Raises:
            ValueError: there is no such tokenizer, or `max_length` leaves no room.
        """
        if isinstance(names, str):
            return cls({"": _read(names, max_length)})
        return cls({f"{name}/": _read(name, max_length) for name in names})

    def __call__(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """(N, L) `input_ids` and `attention_mask`, which is 0 for padding; see `Batch.input`."""
        found = {}
        for prefix, tokenizer in self._tokenizers.items():
            cut = tokenizer.encode_batch(list(texts))
            found[f"{prefix}input_ids"] = torch.tensor([text.ids for text in cut])
            found[f"{prefix}attention_mask"] = torch.tensor([text.attention_mask for text in cut])
        return found


def _read(name: str, max_length: int) -> str:
    """A tokenizer as JSON, which cuts and pads."""
    auto = library().AutoTokenizer
    require("dataset.tokenizer", name, "tokenizer.json")
    try:
        tokenizer: Any = auto.from_pretrained(local(name), trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"dataset.tokenizer={name}: neither a folder with a tokenizer nor to be had from the "
            f"hub ({str(error).splitlines()[0]})"
        ) from error
    if not tokenizer.is_fast:
        raise ValueError(f"dataset.tokenizer={name} has no tokenizer.json: save it as a fast one")
    least = tokenizer.num_special_tokens_to_add() + 1
    if max_length < least:
        raise ValueError(f"dataset.max_length={max_length}: give {least} or more.")
    # Decoders have no token for padding; the mask tells it from an end.
    pad = tokenizer.pad_token or tokenizer.eos_token or tokenizer.unk_token
    cutting = tokenizer.backend_tokenizer
    cutting.enable_truncation(min(max_length, tokenizer.model_max_length))
    cutting.enable_padding(
        direction="right", pad_id=tokenizer.convert_tokens_to_ids(pad), pad_token=pad
    )
    described: str = cutting.to_str()
    return described


def lengths(masks: Tensor) -> Tensor:
    """(N,) how many columns of each row of a mask are needed."""
    places = torch.arange(1, masks.shape[1] + 1, device=masks.device)
    return torch.where(masks != 0, places, 0).amax(1)
