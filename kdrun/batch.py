"""What goes through a step: a batch, and what a network says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

Input = Tensor | dict[str, Tensor]

Shape = tuple[int, ...] | dict[str, tuple[int, ...]]
"""Of one sample: (C, H, W), (D,), or one for each tensor by name."""

T = TypeVar("T")


def map_input(change: Callable[[Tensor], T], given: Input) -> T | dict[str, T]:
    """The same for a tensor, or for each of several by name.

    Args:
        change: of a tensor; what it gives need not be one.
        given: a tensor, or a dict of them.
    """
    if isinstance(given, dict):
        return {key: change(value) for key, value in given.items()}
    return change(given)


class Batch(NamedTuple):
    """Some samples of one split.

    Attributes:
        input: (N, C, H, W) images in [0, 1], (N, D) rows, or a dict of tensors. Of texts, `x` are
            (N, D) rows of TF-IDF, `input_ids` and `attention_mask` (N, L) tokens; where there are
            several tokenizers, these follow the name of theirs and a slash.
        target: (N,) class indices, (N, C) class probabilities after mixup, or (N,) float values in
            regression. An unlabelled sample has the class -1. Other tasks have their own.
        index: (N,) position of each sample in its split.
        source: beside a batch of the target domain, one of the source; None without.
    """

    input: Input
    target: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which no batch needs
    source: Batch | None = None

    def to(self, device: torch.device | str) -> Batch:
        """Move every tensor to `device`, without waiting for the copy."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        return self.map(move)

    def map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """The same with every tensor changed, those of the source too."""
        source = None if self.source is None else self.source.map(change)
        moved = map_input(change, self.input)
        return Batch(moved, change(self.target), change(self.index), source)


class Outputs(NamedTuple):
    """What a student or a teacher says of a batch. Only what somebody asked for is filled.

    Attributes:
        logits: (N, C) class scores before softmax, float32; (N, 1) in regression.
        embedding: (N, D) input of the classifier head.
        features: outputs of the stages, shallow to deep, each (N, C, H, W) or, for token
            sequences, (N, L, D). Of texts, which are padded to one length, the L = 8 means of equal
            parts of each: no padding is among them, and texts of any tokenizer can be compared.
        preactivations: the same stages before their last activation function, or before the one
            behind them where a network names it; another stage that does not end in one stands
            here as it is.
        attentions: attention probabilities of the stages' last block, each (N, heads, L, L).
        tokens: of texts, what `features` are the means of, padding included, each (N, L, D).
        ids: of texts, (N, L), which token stands where; with `tokens`, as is the next.
        mask: of texts, (N, L): 1 for a token, 0 for padding.
        weight: (N,) how much each answer counts, 0 for none; None where all count alike.
        members: of an ensemble, the outputs of each who answered.
        heads: of a detector, what its head says at each of A places before any is chosen: (N, A, C)
            scores of classes before a sigmoid, and (N, A, 4) boxes in pixels: left, top, right,
            bottom.
        loss: a scalar, what a network that is told the batch's targets says of them in training: a
            detector its supervised term, another one what is added to it; None of any other.
    """

    logits: Tensor
    embedding: Tensor | None = None
    features: tuple[Tensor, ...] = ()
    preactivations: tuple[Tensor, ...] = ()
    attentions: tuple[Tensor, ...] = ()
    tokens: tuple[Tensor, ...] = ()
    ids: Tensor | None = None
    mask: Tensor | None = None
    weight: Tensor | None = None
    members: tuple[Outputs, ...] = ()
    heads: tuple[Tensor, ...] = ()
    loss: Tensor | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> Outputs:
        """The same with every tensor of samples changed, those of members too."""

        def all_of(fields: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return tuple(change(field) for field in fields)

        return Outputs(
            change(self.logits),
            None if self.embedding is None else change(self.embedding),
            all_of(self.features),
            all_of(self.preactivations),
            all_of(self.attentions),
            all_of(self.tokens),
            None if self.ids is None else change(self.ids),
            None if self.mask is None else change(self.mask),
            None if self.weight is None else change(self.weight),
            tuple(member.map(change) for member in self.members),
            all_of(self.heads),
            self.loss,
        )
