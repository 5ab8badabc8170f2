"""A model, a loss and a dataset of one's own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.dataset.split import cut
from kdrun.loss import Loss
from kdrun.loss.logits import pair
from kdrun.types import Arrays, Batch, Dataset, Outputs


class Hills(nn.Module):
    """Distances from learnt places, and a classifier over them."""

    def __init__(self, places: int = 20, num_classes: int = 2, in_features: int = 2) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(places, in_features) * 2)
        self.hills = nn.Identity()
        self.classifier = nn.Linear(places, num_classes)

    def forward(self, rows: Tensor) -> Tensor:
        near = torch.exp(-torch.cdist(rows, self.places).square())
        return self.classifier(self.hills(near))


class Sign(Loss):
    """Match for which pairs of classes the teacher prefers which.

    Args:
        margin: by how much the student is to prefer it too.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        s, t = pair(student, teacher)
        wanted = (t[:, :, None] - t[:, None, :]).sign()
        given = s[:, :, None] - s[:, None, :]
        return (F.relu(self.margin - wanted * given) * wanted.abs()).mean()


def rings(samples: int = 600, val_fraction: float = 0.1, split_seed: int = 0) -> Dataset:
    """Points on two rings around each other."""
    draw = torch.Generator().manual_seed(0)
    targets = torch.arange(samples) % 2
    angle = torch.rand(samples, generator=draw) * 6.2832
    radius = 1 + targets + torch.randn(samples, generator=draw) * 0.25
    rows = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    half = samples // 2
    train, val = cut(Arrays(rows[:half], targets[:half]), val_fraction, split_seed)
    test = Arrays(rows[half:], targets[half:])
    return Dataset(train, val, test, ["inner", "outer"], (2,), columns=("x", "y"))
