"""Texts as a network reads them: which tensors are its own, and what its tokens say."""

from __future__ import annotations

import inspect
from os.path import normpath
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from kdrun.model.apart import check_apart
from kdrun.sample import ROWS, rows_shape
from kdrun.types import Shape

T = TypeVar("T")

PARTS = 8
"""Into how many parts a text is cut where networks are compared over its length."""


def reads(net: nn.Module) -> tuple[str, ...]:
    """The names of what a network's `forward` takes; none where it takes whatever has a name."""
    taken = inspect.signature(net.forward).parameters.values()
    return tuple(
        each.name for each in taken if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
    )


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
            raise ValueError(
                f"{type(net).__name__} reads tokens, and here are none: set "
                f"dataset.tokenizer={prefix}, or choose a model of rows, such as mlp"
            )
        return given
    if not names:
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


def advise(net: nn.Module, shape: Shape) -> str:
    """What may help a network that fails on samples of a shape; empty where nobody knows."""
    config: Any = getattr(net, "config", None)
    told = config.to_dict() if hasattr(config, "to_dict") else {}
    known = getattr(config, "max_position_embeddings", None)
    length = shape.get("input_ids", (0,))[0] if isinstance(shape, dict) else 0
    if isinstance(known, int) and length > known - 2:  # some begin to count at two
        return (
            f" (it knows about {known} positions: set dataset.max_length, or dataset.length of "
            "lines and pairs, to less)"
        )
    if len(rows_shape(shape)) == 1 and not told:
        return " (rows of numbers are for mlp, linear and the like)"
    return ""


def fit_tokens(net: nn.Module, tokenizer: object, inputs: dict[str, Tensor] | Tensor) -> None:
    """See to it that a model of transformers understands the tokens of the data.

    A decoder classifies by the last token that is no padding, so it is told what padding is.

    Args:
        net: any network.
        tokenizer: `dataset.tokenizer`.
        inputs: what it reads of all training samples.

    Raises:
        ValueError: its weights were trained with another tokenizer, or it knows fewer tokens; or it
            does not keep texts of one row apart.
    """
    config: Any = getattr(net, "config", None)
    if config is None or not isinstance(inputs, dict) or "input_ids" not in inputs:
        return
    if "attention_mask" not in inputs:
        check_apart(net)
        return
    own = getattr(net, "trained_with", None)
    if own is not None and isinstance(tokenizer, str) and normpath(own) != normpath(tokenizer):
        raise ValueError(
            f"{type(net).__name__} wants the tokens of {own}, and dataset.tokenizer={tokenizer}: "
            f"[{tokenizer},{own}] gives those of both; if they are the same, say so by "
            f"model.tokenizer={tokenizer} of this role"
        )
    tokens, mask = inputs["input_ids"], inputs["attention_mask"]
    if (highest := int(tokens.max())) >= config.vocab_size:
        raise ValueError(
            f"dataset.tokenizer gives tokens up to {highest}, and {type(net).__name__} knows "
            f"{config.vocab_size}: name the tokenizer that belongs to it"
        )
    padding = tokens[mask == 0]
    if not len(padding):
        return
    pad = int(padding[0])
    parts = [part for part in net.modules() if not isinstance(part, nn.Embedding)]
    if any(getattr(part, "padding_idx", pad) not in (None, pad) for part in parts):
        raise ValueError(
            f"dataset.tokenizer pads with {pad}, and {type(net).__name__} counts its positions by "
            f"{config.pad_token_id}: name the tokenizer that belongs to it"
        )
    config.pad_token_id = pad
    described: Any = net.described
    described["config"]["pad_token_id"] = pad


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
