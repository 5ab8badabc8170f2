"""A few of many logits, and what they say of the others: what is kept of a teacher of tokens.

`likeliest` keeps the K largest and the sum of the rest: exact there, and wrong about the rest in
the same way every time. `drawn` keeps K that are drawn so that the expected distribution is the
whole one: the gradient of a loss that is linear in it is right on average.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from kdrun.dataset.random import uniform

NOTHING = -1e4
"""The logit of what was not drawn: e to it is 0, and finite numbers of it stay numbers."""

TINY = 1e-300
"""What is left where nothing is, so that it divides."""

SHORT = 2**16
"""So many places can be told by two bytes."""


def few(logits: Tensor, count: int, sampled: bool, index: Tensor, view: int) -> dict[str, Tensor]:
    """K of many logits, as they are kept: by `values`, `places` and perhaps the `rest`.

    Args:
        logits: (N, ..., C) of some samples.
        count: K, less than C.
        sampled: whether these are drawn.
        index: (N,) the positions of the samples in their split.
        view: of the samples.
    """
    if sampled:  # one after another: it takes several times the memory of the logits
        chances = numbers(view, index, logits.shape[:-1])
        each = [drawn(one, count, chance) for one, chance in zip(logits, chances, strict=True)]
        found = {end: torch.stack([one[end] for one in each]) for end in each[0]}
    else:
        found = likeliest(logits, count)
    narrow = torch.int16 if logits.shape[-1] <= SHORT else torch.int32
    return {**found, "places": found["places"].to(narrow)}


def likeliest(logits: Tensor, count: int) -> dict[str, Tensor]:
    """The largest logits, their places, and the logit that each of the others has if all are alike.

    Args:
        logits: (..., C).
        count: K, less than C.

    Returns:
        `values` (..., K), `places` (..., K) and `rest` (...).
    """
    best = logits.topk(count, dim=-1)
    others = logits.scatter(-1, best.indices, -torch.inf)
    rest = others.logsumexp(-1) - float(np.log(logits.shape[-1] - count))
    return {"values": best.values, "places": best.indices, "rest": rest}


def drawn(logits: Tensor, count: int, chance: Tensor) -> dict[str, Tensor]:
    """K of the classes and the logarithms of the probabilities that they stand for.

    Anshumann et al., 2025, draw from the teacher's distribution, again and again, which spends most
    draws on what is likeliest. https://arxiv.org/abs/2503.16870. Here each class is drawn once at
    most: with the chance min(1, p / τ), and stands for max(p, τ), so that its expectation is p; τ
    is such that there are K of them (Fearnhead, Clifford, 2003, doi:10.1111/1467-9868.00421). All
    together they are as likely as all that there are.

    Args:
        logits: (..., C).
        count: K, less than C.
        chance: (...) a number from [0, 1) for each distribution, which decides.

    Returns:
        `values` and `places`, (..., K).
    """
    p = logits.double().softmax(-1)
    top = p.topk(count, dim=-1)
    rest = p.scatter(-1, top.indices, 0).sum(-1, keepdim=True)
    kept = torch.arange(count, device=p.device)
    # If the k likeliest are drawn for sure, the others share K - k places and all that is left: the
    # first k at which none of these would have a chance above 1. The last one is such a k.
    left = rest + top.values.flip(-1).cumsum(-1).flip(-1)
    limits = left.clamp(min=TINY) / (count - kept)
    enough = (top.values <= limits) | (kept == count - 1)
    limit = limits.gather(-1, enough.to(torch.int8).argmax(-1, keepdim=True))
    sums = (p / limit).clamp(max=1).cumsum(-1)
    sums = sums * (count / sums[..., -1:])
    places = torch.searchsorted(sums, chance.double()[..., None] + kept, right=True)
    places = places.clamp(max=p.shape[-1] - 1)
    return {"values": torch.maximum(p.gather(-1, places), limit).log(), "places": places}


def spread(parts: Mapping[str, Tensor], width: int, dtype: torch.dtype) -> Tensor:
    """(..., C) logits of what `few` kept.

    Args:
        parts: of it.
        width: C.
        dtype: of the logits.
    """
    places, values = parts["places"].long(), parts["values"].to(dtype)
    if parts["places"].dtype == torch.int16:  # whose upper half counts from below
        places = places & (SHORT - 1)
    if "rest" in parts:
        whole = parts["rest"].to(dtype)[..., None].expand(*places.shape[:-1], width)
    else:
        whole = values.new_full((*places.shape[:-1], width), NOTHING)
    return whole.scatter(-1, places, values)


def numbers(view: int, index: Tensor, shape: torch.Size) -> Tensor:
    """A number from [0, 1) for each distribution, a pure function of the view and its place.

    Args:
        view: of the samples.
        index: (N,) their positions in the split.
        shape: (N, ...) of the distributions.
    """
    inside = shape[1:].numel()
    places = index[:, None] * inside + torch.arange(inside)
    return uniform(0, view, places.flatten(), "answers").reshape(shape)
