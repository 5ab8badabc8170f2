"""Attention transfer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.stages import need_space, pairs, same_size
from kdrun.types import Batch, Outputs

FORMS = ("code", "paper", "square")


class AT(Loss):
    """Match where the teacher looks: the energy of each stage over space, normalised.

        L = Σ_l mean_{n,i} (a(S_l) − a(T_l))²,  a(F) = vec(mean_c |F_c|^p) / ‖vec(mean_c |F_c|^p)‖

    Zagoruyko, Komodakis, 2017. https://arxiv.org/abs/1612.03928

    The paper's L = ½ Σ_l mean_n ‖a(S_l) − a(T_l)‖ is some thousand times larger than the authors'
    code, which published weights (1000) belong to; form="paper" chooses it. Of the code's form, the
    smaller a map is the more it weighs; form="square" is Σ_l mean_n ‖a(S_l) − a(T_l)‖², whatever
    the size. Maps of different sizes are averaged down to the smaller.

    Args:
        power: of the absolute activations.
        form: "code", the mean of squares over batch and pixels; "paper", half the distance; or
            "square", its square.
        last: compare the last stage alone, as comparisons of segmentation do.
    """

    needs = ("features",)

    def __init__(self, power: float = 2.0, form: str = "code", last: bool = False) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"form is one of {', '.join(FORMS)}, not {form!r}")
        self.power = power
        self.form = form
        self.last = last

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Check that there is space to compare."""
        need_space(student.features, teacher.features)

    def attention(self, x: Tensor) -> Tensor:
        """(N, H·W): where the energy of a map lies, with norm 1."""
        return F.normalize(x.abs().pow(self.power).mean(1).flatten(1), dim=1)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The distance of the attention maps, summed over stages."""
        terms = []
        for maps in pairs(student.features, teacher.features)[-1 if self.last else 0 :]:
            s, t = (self.attention(x) for x in same_size(*maps))
            if self.form == "code":
                terms.append((s - t).square().mean())
            elif self.form == "square":
                terms.append((s - t).square().sum(1).mean())
            else:
                terms.append(torch.linalg.vector_norm(s - t, dim=1).mean() / 2)
        return torch.stack(terms).sum()
