"""Inter-channel correlation."""

from __future__ import annotations

from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.stages import as_tokens, pair
from kdrun.types import Batch, Outputs


class ICKD(Loss):
    """Match which channels of the deepest stage are active at the same places.

        L = Σ_n ‖G(r(S_n)) − G(T_n)‖² / (N·C),  G(F)_c = g_c / ‖g_c‖,  g = F·Fᵀ,  F: (C, H·W)

    Liu et al., 2021. https://arxiv.org/abs/2202.03680

    r is a trained 1×1 convolution with batch norm to the teacher's C channels, also where the
    student has as many. Normalised rows and the sum over C are those of the authors' CIFAR-100
    code. Height and width may differ.
    """

    needs = ("features",)

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the convolution."""
        s, t = pair(student.features, teacher.features, -1)
        width = t.shape[1]
        self.adapter = nn.Sequential(
            nn.Conv2d(s.shape[1], width, 1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """A mean over the batch and the teacher's channels."""
        s, t = pair(student.features, teacher.features, -1)
        return _distance(as_tokens(self.adapter(s)), as_tokens(t)).mean()


def _distance(s: Tensor, t: Tensor) -> Tensor:
    """(N, C) squared distances between the normalised rows of sᵀs and tᵀt; both are (N, L, C).

    |a/‖a‖ − b/‖b‖|² needs only products of rows, and these only L × L matrices: for 64 maps of
    2048 channels, 7 × 7, the C × C matrices alone would take 2 GB.
    """
    # Row c of sᵀs is s_cᵀs, so its product with row c of tᵀt is s_cᵀ(s·tᵀ)t_c.
    ss, tt, st = (((x @ y.mT).mT @ x * y).sum(1) for x, y in ((s, s), (t, t), (s, t)))
    alive_s, alive_t = ss > 1e-24, tt > 1e-24  # a dead channel has the row zero
    product = st * (ss.where(alive_s, 1.0) * tt.where(alive_t, 1.0)).rsqrt()
    return alive_s.to(s) + alive_t.to(s) - 2 * product
