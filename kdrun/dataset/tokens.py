"""Texts as tokens, by the tokenizers of Hugging Face `transformers`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def tokenise(
    texts: Sequence[str], tokenizers: str | Sequence[str], max_length: int
) -> dict[str, Tensor]:
    """The tokens of some texts, padded to the length of the longest.

    Args:
        texts: N of them.
        tokenizers: a folder or a name on the hub; or several.
        max_length: tokens of a text that are kept; no more than the tokenizer's models can read.

    Returns:
        (N, L) `input_ids` and `attention_mask`, 0 for padding; of several tokenizers each under its
        name and a slash.

    Raises:
        ValueError: there is no such tokenizer, or `max_length` leaves no room.
    """
    if isinstance(tokenizers, str):
        return _tokens(texts, tokenizers, max_length)
    return {
        f"{name}/{key}": value
        for name in tokenizers
        for key, value in _tokens(texts, name, max_length).items()
    }


def _tokens(texts: Sequence[str], name: str, max_length: int) -> dict[str, Tensor]:
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ValueError("dataset.tokenizer needs the extra: pip install 'kdrun[text]'") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"dataset.tokenizer={name}: neither a folder with a tokenizer nor to be had from the "
            f"hub ({str(error).splitlines()[0]})"
        ) from error
    least = tokenizer.num_special_tokens_to_add() + 1
    if max_length < least:
        raise ValueError(f"dataset.max_length={max_length}: give {least} or more.")
    if tokenizer.pad_token is None:  # as decoders have it; the mask tells it from an end
        tokenizer.pad_token = tokenizer.eos_token
    made = tokenizer(
        list(texts),
        truncation=True,
        max_length=min(max_length, tokenizer.model_max_length),
        padding="longest",
        padding_side="right",
        return_tensors="pt",
    )
    return {key: made[key] for key in ("input_ids", "attention_mask")}


def lengths(masks: Tensor) -> Tensor:
    """(N,) how many columns of each row of a mask are needed."""
    places = torch.arange(1, masks.shape[1] + 1, device=masks.device)
    return torch.where(masks != 0, places, 0).amax(1)
