"""Multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F


class MLP(nn.Module):
    """Fully connected layers with ReLU between them; its hidden layers are its stages.

    Args:
        num_classes: width of the output.
        in_features: numbers in a sample, C·H·W for images.
        hidden: widths of the hidden layers.
        dropout: probability after each hidden layer.
    """

    head_name = "head"

    def __init__(
        self,
        num_classes: int,
        in_features: int,
        hidden: Sequence[int] = (256, 128),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        widths = (in_features, *hidden)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(before, after), nn.ReLU(inplace=True))
                for before, after in pairwise(widths)
            )
        )
        self.head = nn.Linear(widths[-1], num_classes)
        self.stage_names = tuple(f"layers.{i}" for i in range(len(hidden)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, …) samples to (N, num_classes) logits."""
        x = x.flatten(1)
        for layer in self.layers:
            x = F.dropout(layer(x), self.dropout, self.training)
        logits: Tensor = self.head(x)
        return logits
