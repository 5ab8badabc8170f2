"""A network of radial basis functions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class RBF(nn.Module):
    """A linear layer on Gaussian kernels between the input and some landmarks.

        logits(x) = W k + b,  k_i = exp(−γ ‖a ∘ x + s − c_i‖²)

    Broomhead, Lowe, Complex Systems 1988. A kernel machine is one whose landmarks are samples:
    `transfer=tca` with a Gaussian kernel fits such a network in closed form.

    Args:
        num_classes: width of the output.
        in_features: numbers in a sample, C·H·W for images.
        landmarks: how many kernels there are.
    """

    head_name = "head"

    def __init__(self, num_classes: int, in_features: int, landmarks: int = 500) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(in_features))
        self.shift = nn.Parameter(torch.zeros(in_features))
        self.centres = nn.Parameter(torch.randn(landmarks, in_features))
        # Squared distances of standardised samples are about 2 in_features.
        self.log_gamma = nn.Parameter(torch.tensor(-math.log(2 * in_features)))
        self.head = nn.Linear(landmarks, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, …) samples to (N, num_classes) logits."""
        x = x.flatten(1) * self.factor + self.shift
        squares = x.square().sum(1, keepdim=True) + self.centres.square().sum(1)
        distances = (squares - 2 * x @ self.centres.T).clamp(min=0)
        logits: Tensor = self.head(torch.exp(-self.log_gamma.exp() * distances))
        return logits
