"""Attention probabilities, which fused kernels never hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

EXPLICIT = "kdrun"
"""What `explicit` is called among the implementations of attention in transformers."""


class Place(NamedTuple):
    """Where (N, heads, L, L) probabilities pass: at which module, which side, in what place."""

    name: str
    side: str
    item: int


def places(net: nn.Module, stages: Sequence[str]) -> list[Place]:
    """Where the last attention layer of each stage can be read.

    Raises:
        ValueError: a stage has none that timm or transformers wrote.
    """
    found = []
    for stage in stages:
        timms, hugging = [], []
        for name, module in net.get_submodule(stage).named_modules(prefix=stage):
            if hasattr(module, "fused_attn") and hasattr(module, "attn_drop"):
                timms.append(Place(f"{name}.attn_drop", "input", 0))
            elif type(module).__name__.endswith("Attention") and _is_replaceable(net):
                hugging.append(Place(name, "output", 1))  # beside what the layer passes on
        if not timms and not hugging:
            raise ValueError(
                f"{type(net).__name__}: no attention to read in stage '{stage}'; choose a vision "
                "transformer of timm or a model of transformers that can replace its attention, "
                "or another loss"
            )
        found.append((timms or hugging)[-1])
    return found


def show(net: nn.Module, where: Sequence[Place]) -> Callable[[], None]:
    """Let a network compute its probabilities at these places; returns what undoes that."""
    if _is_replaceable(net):
        return _show_hugging(net)
    blocks: list[Any] = [net.get_submodule(place.name.rpartition(".")[0]) for place in where]
    fused = [block for block in blocks if block.fused_attn]

    def switch(on: bool) -> None:
        for block in fused:
            block.fused_attn = on

    switch(False)
    return lambda: switch(True)


def _is_replaceable(net: nn.Module) -> bool:
    return bool(getattr(net, "_supports_attention_backend", False))


def _show_hugging(net: Any) -> Callable[[], None]:
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, eager_mask

    AttentionInterface.register(EXPLICIT, explicit)
    AttentionMaskInterface.register(EXPLICIT, eager_mask)
    before = net.config._attn_implementation
    net.set_attn_implementation(EXPLICIT)
    return lambda: net.set_attn_implementation(before)


def explicit(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """Attention as transformers calls it, with the probabilities as they are before dropout.

    Args:
        module: the layer.
        query: (N, heads, L, D).
        key: (N, groups, L, D), shared by heads of a group.
        value: likewise.
        attention_mask: (N, 1, L, L), added to the scores; None for none.
        scaling: of the scores; None for D^-½.
        dropout: of the probabilities that weigh the values.
        softcap: of the scores, which is not computed here.
        s_aux: sinks, which are not either.

    Returns:
        (N, L, heads, D) values and (N, heads, L, L) probabilities.

    Raises:
        ValueError: the layer attends in another way.
    """
    if softcap is not None or s_aux is not None:
        what = "soft caps" if softcap is not None else "sinks"
        raise ValueError(
            f"{type(module).__name__} has attention with {what}, which cannot be read: choose a "
            "loss without attentions"
        )
    group = query.shape[1] // key.shape[1]
    key, value = (x.repeat_interleave(group, dim=1) for x in (key, value))
    scores = query @ key.mT * (query.shape[3] ** -0.5 if scaling is None else scaling)
    if attention_mask is not None:
        scores = scores + attention_mask
    probabilities = scores.softmax(dim=3)
    weights = F.dropout(probabilities, dropout, module.training)
    return (weights @ value).transpose(1, 2).contiguous(), probabilities
