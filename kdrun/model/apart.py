"""Whether a network keeps texts apart that stand in one row of tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

FIRST, SECOND = 3, 4
"""Tokens of two texts that are tried."""


def check_apart(net: nn.Module) -> None:
    """Refuse a network for which several texts in a row are not what they are alone.

    Args:
        net: of transformers, on any device; it stays as it is.

    Raises:
        ValueError: it takes no positions, or one text reads the other.
    """
    config: Any = net.config
    device = next(net.parameters()).device
    ids = torch.arange(FIRST + SECOND, device=device)[None] % config.vocab_size
    places = torch.cat([torch.arange(FIRST), torch.arange(SECOND)])[None].to(device)
    training = net.training
    net.eval()
    try:
        with torch.no_grad():
            both = net(input_ids=ids, position_ids=places).logits
            alone = net(input_ids=ids[:, FIRST:], position_ids=places[:, FIRST:]).logits
    except TypeError:
        both = alone = None
    finally:
        net.train(training)
    if both is None or not torch.allclose(both[:, FIRST:], alone, rtol=1e-3, atol=1e-4):
        raise ValueError(
            f"dataset.packed=true: {type(net).__name__} does not keep apart what shares a row: "
            "take a model that reads positions, such as gpt2 or llama, or packed=false"
        )
