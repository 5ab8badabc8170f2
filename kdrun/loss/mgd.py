"""Masked generative distillation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.stages import pair, same_shape, same_size
from kdrun.types import Batch, Outputs

MASKS = ("channel", "space")


class MGD(Loss):
    """Match the teacher's last stage by what two convolutions generate from the student's, masked.

        L = Σ_i (g(M · align(S))_i − T_i)² / N,  g = conv3×3 · relu · conv3×3,  M random 0 or 1

    Yang et al., 2022. https://arxiv.org/abs/2205.01529

    Whole channels are masked, as published for classification (0.15 of them, weight 7e-5 on
    ImageNet); the paper masks pixels for detection. A 1×1 convolution aligns where widths differ.
    The larger map is averaged down.

    Args:
        ratio: of what is masked.
        mask: "channel" or "space".
    """

    needs = ("features",)
    align: nn.Module
    generate: nn.Module

    def __init__(self, ratio: float = 0.15, mask: str = "channel") -> None:
        super().__init__()
        if mask not in MASKS:
            raise ValueError(f"mask is one of {', '.join(MASKS)}, not {mask!r}")
        if not 0 <= ratio < 1:
            raise ValueError(f"ratio lies in [0, 1), not {ratio}")
        self.ratio = ratio
        self.mask = mask

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the alignment and the generator."""
        s, t = (x.shape[1] for x in pair(student.features, teacher.features, -1))
        self.align = nn.Identity() if s == t else nn.Conv2d(s, t, 1)
        self.generate = nn.Sequential(
            nn.Conv2d(t, t, 3, padding=1), nn.ReLU(), nn.Conv2d(t, t, 3, padding=1)
        )

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The squared error of what is generated, summed over values, mean over samples."""
        s, t = same_size(*pair(student.features, teacher.features, -1))
        s = self.align(s)
        chosen = s[:, :, :1, :1] if self.mask == "channel" else s[:, :1]
        kept = torch.rand_like(chosen) >= self.ratio
        s, t = same_shape(self.generate(s * kept), t)
        return F.mse_loss(s, t, reduction="sum").div(len(s))
