"""The flow of solution procedure."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.stages import pairs
from kdrun.types import Batch, Outputs

FORMS = ("code", "paper")


class FSP(Loss):
    """Match how features flow from one stage to the next: their products, averaged over space.

        L = Σ_l mean_{n,i,j} (G(S_l, S_{l+1}) − G(T_l, T_{l+1}))²_ij,  G(A, B)_ij = mean_x A_i B_j

    Yim et al., 2017. https://openaccess.thecvf.com/content_cvpr_2017/html/Yim_A_Gift_From_CVPR_2017_paper.html

    The paper sums over i and j and pools the larger of two stages by its maxima (form="paper");
    published tables come from RepDistiller's means, as a first stage of 30 epochs. There is no
    adapter: stages of different widths have no common G.

    Args:
        form: "code" averages over matrix entries and over pixels, "paper" sums and takes maxima.
    """

    needs = ("features",)

    def __init__(self, form: str = "code") -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"form is one of {', '.join(FORMS)}, not {form!r}")
        self.form = form

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Check that the loss is defined for the pair."""
        widths = [(s.shape[1], t.shape[1]) for s, t in pairs(student.features, teacher.features)]
        if len(widths) < 2:
            raise ValueError("the flow between stages needs two stages that both networks have")
        if any(s != t for s, t in widths):
            raise ValueError(
                "the flow between stages is compared only where the widths are equal; student's "
                f"are {[s for s, _ in widths]}, teacher's {[t for _, t in widths]}"
            )

    def flow(self, lower: Tensor, upper: Tensor) -> Tensor:
        """(N, C_lower, C_upper): products of the channels of two maps."""
        size = (min(lower.shape[2], upper.shape[2]), min(lower.shape[3], upper.shape[3]))
        pool = F.adaptive_avg_pool2d if self.form == "code" else F.adaptive_max_pool2d
        a, b = pool(lower, size).flatten(2), pool(upper, size).flatten(2)
        return a @ b.transpose(1, 2) / a.shape[2]

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The squared distance of the flows, summed over neighbouring stages."""
        terms = []
        for (s0, t0), (s1, t1) in pairwise(pairs(student.features, teacher.features)):
            s, t = self.flow(s0, s1), self.flow(t0, t1)
            if s.shape != t.shape:
                raise ValueError(
                    f"flow of the student {tuple(s.shape)} and of the teacher {tuple(t.shape)} "
                    "differ in widths"
                )
            gaps = (s - t).square()
            terms.append(gaps.mean() if self.form == "code" else gaps.sum((1, 2)).mean())
        return torch.stack(terms).sum()
