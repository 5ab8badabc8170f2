"""Channel-wise distillation: where each channel looks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kdrun.loss import Loss, full, positive
from kdrun.loss.divergence import kl
from kdrun.loss.stages import aligned, pairs, same_size
from kdrun.types import Batch, Outputs

OF = ("logits", "features", "levels")


class CWD(Loss):
    """Match the distribution over all places of a map, channel by channel.

        L = T² / (N C) · Σ_n Σ_c KL(p_T(t_nc) ‖ p_T(s_nc)),  p_T(x) = softmax over H·W of x / T

    Shu et al., 2021. https://arxiv.org/abs/2011.13256

    Of logits, a channel is a class, and a softmax over places says where it is. Of features, the
    last stage is taken, of levels all stages and the sum over them, as of a detector's pyramid; a
    1×1 convolution aligns where widths differ. The larger map is averaged down.

    Args:
        of: "logits", (N, C, H, W) of a dense task, "features" or "levels".
        temperature: T; its square rescales the gradient.
    """

    compares_rows = False

    def __init__(self, of: str = "logits", temperature: float = 4.0) -> None:
        super().__init__()
        if of not in OF:
            raise ValueError(f"of is one of {', '.join(OF)}, not {of!r}")
        positive(temperature=temperature)
        self.of = of
        self.temperature = temperature
        self.needs = ("logits" if of == "logits" else "features",)
        self.align = nn.ModuleList([nn.Identity()])

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the alignments."""
        self.align = aligned(self._maps(student, teacher))

    def _maps(self, student: Outputs, teacher: Outputs) -> list[tuple[Tensor, Tensor]]:
        if self.of != "logits":
            every = pairs(student.features, teacher.features)
            return every if self.of == "levels" else every[-1:]
        s, t = full(student.logits), full(teacher.logits).detach()
        if s.ndim != 4 or t.ndim != 4 or s.shape[:2] != t.shape[:2]:
            raise ValueError(
                f"student logits {tuple(s.shape)} and teacher logits {tuple(t.shape)} must both be "
                "(N, C, H, W); of one answer a sample, take of=features"
            )
        return [(s, t)]

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The rescaled divergence, mean over channels and samples."""
        terms = []
        for align, (s, t) in zip(self.align, self._maps(student, teacher), strict=True):
            s, t = same_size(align(s), t)
            log_q, log_p = (
                (x.flatten(2).flatten(0, 1) / self.temperature).log_softmax(1) for x in (s, t)
            )
            terms.append(self.temperature**2 * kl(log_p, log_q).mean())
        return torch.stack(terms).sum()
