"""Logistic regression."""

from __future__ import annotations

from torch import Tensor, nn


class Linear(nn.Module):
    """One linear layer on the flattened input, which is also its embedding.

    With cross-entropy it is multinomial logistic regression, in regression least squares.

    Args:
        num_classes: width of the output.
        in_features: numbers in a sample, C·H·W for images.
    """

    head_name = "head"

    def __init__(self, num_classes: int, in_features: int) -> None:
        super().__init__()
        self.head = nn.Linear(in_features, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, …) samples to (N, num_classes) logits."""
        logits: Tensor = self.head(x.flatten(1))
        return logits
