"""Texts as a network reads them: which tensors are its own, and what its tokens say."""

from __future__ import annotations

import inspect
from typing import TypeVar

import torch
from torch import Tensor, nn

from kdrun.shape import ROWS

T = TypeVar("T")

PARTS = 8
"""Into how many parts a text is cut where networks are compared over its length."""


def reads(net: nn.Module) -> tuple[str, ...]:
    """The names of what a network's `forward` takes."""
    return tuple(inspect.signature(net.forward).parameters)


def own(net: nn.Module, names: tuple[str, ...], given: dict[str, T] | T) -> dict[str, T] | T:
    """What a network reads of several inputs, or of anything else that there is for each.

    These are what it names as arguments of its `forward`; where that is nothing, the rows of
    numbers. One whose `tokenizer` is set gets the tokens of that one, where there are several. What
    stands alone, without a name, is for any network but that.

    Raises:
        ValueError: nothing here is for it.
    """
    prefix = getattr(net, "tokenizer", None)
    if not isinstance(given, dict):
        if prefix is not None:
            raise ValueError(f"{type(net).__name__} reads tokens: set dataset.tokenizer={prefix}")
        return given
    found = {}
    for name in names:
        if (key := f"{prefix}/{name}") in given or (key := name) in given:
            found[name] = given[key]
    if found.keys() - {ROWS}:
        return found
    if ROWS in given:
        return given[ROWS]
    what = f"{type(net).__name__} reads {', '.join(names)}"
    raise ValueError(
        f"{what}, and the data give {', '.join(given)}: dataset.words=true gives rows of numbers, "
        "dataset.tokenizer tokens; of several tokenizers, the model's yaml names one as `tokenizer`"
    )


def check_vocabulary(net: nn.Module, inputs: dict[str, Tensor] | Tensor) -> None:
    """Refuse tokens that a model of transformers has no state for.

    Args:
        net: any network.
        inputs: what it reads of all training samples.

    Raises:
        ValueError: some are beyond its vocabulary.
    """
    known = getattr(getattr(net, "config", None), "vocab_size", None)
    if known is None or not isinstance(inputs, dict) or "input_ids" not in inputs:
        return
    if (highest := int(inputs["input_ids"].max())) >= known:
        raise ValueError(
            f"dataset.tokenizer gives tokens up to {highest}, and {type(net).__name__} knows "
            f"{known}: name the tokenizer that belongs to it"
        )


def in_parts(states: Tensor, mask: Tensor) -> Tensor:
    """(N, 8, D): the means of as many equal parts of each text, in the precision of `states`.

    Part i of n tokens are those from ⌊i n / 8⌋ up to ⌈(i + 1) n / 8⌉, as in adaptive average
    pooling, so that parts of short texts share tokens. Padding is in none.

    Args:
        states: (N, L, D), of each token.
        mask: (N, L), 0 for padding.
    """
    real = mask != 0
    place, count = real.cumsum(1)[:, None] - 1, real.sum(1)[:, None, None]
    part = torch.arange(PARTS, device=mask.device)[:, None]
    inside = (place >= part * count // PARTS) & (place < -(-(part + 1) * count // PARTS))
    shares = (inside & real[:, None]).to(states.dtype)
    return shares / shares.sum(2, keepdim=True).clamp(min=1) @ states


def last(states: Tensor, mask: Tensor) -> Tensor:
    """(N, D): the states of each text's last token, which a decoder classifies by."""
    places = torch.arange(mask.shape[1], device=mask.device)
    end = torch.where(mask != 0, places, 0).argmax(1)
    return states[torch.arange(len(states), device=mask.device), end]
