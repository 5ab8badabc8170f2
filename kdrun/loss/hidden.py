"""Hidden states of transformers, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdrun.loss import Loss, full
from kdrun.loss.stages import as_tokens, evenly, pairs, same_size
from kdrun.types import Batch, Outputs


class Hidden(Loss):
    """Match the hidden states of each stage by a linear projection to the teacher's width.

        L = Σ_l mean_{n,i,d} (W_l S_l − T_g(l))²

    Jiao et al., 2020. https://arxiv.org/abs/1909.10351

    TinyBERT shares one W between its layers, which are of one width; here each has its own, and
    none where the widths agree. Texts of one tokenizer are compared token by token, without their
    padding, and so are images of equally many patches; other stages as maps of the smaller size, so
    that a CNN distils a transformer and the other way round.

    Args:
        mapping: g as [student's stage, teacher's stage] pairs by index; by default all stages of
            the network that has fewer, evenly, as in TinyBERT.
    """

    needs = ("features", "tokens")

    def __init__(self, mapping: Sequence[Sequence[int]] | None = None) -> None:
        super().__init__()
        self.mapping = mapping
        self.projections = nn.ModuleList()
        self.token_by_token = False

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the projections.

        Raises:
            ValueError: there are no stages, or not that `mapping` names; or a text meets a map.
        """
        self.token_by_token = same_tokens(student, teacher)
        for s, t in self._pairs(student, teacher):
            widths = s.shape[2], t.shape[2]
            same = widths[0] == widths[1]
            self.projections.append(nn.Identity() if same else nn.Linear(*widths))

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The mean squared errors, summed over stages."""
        terms = []
        states = self._pairs(student, teacher)
        for (s, t), projection in zip(states, self.projections, strict=True):
            error = (projection(s) - t).square().mean(2)
            real = real_tokens(student, s)
            terms.append((error * real).sum() / real.sum())
        return torch.stack(terms).sum()

    def _pairs(self, student: Outputs, teacher: Outputs) -> list[tuple[Tensor, Tensor]]:
        """(N, L, D) of both, with one N and one L."""
        s, t = student.features, teacher.features
        if self.token_by_token:
            s, t = student.tokens, teacher.tokens
        if self.mapping is None:
            count = min(len(s), len(t))
            if not count:
                raise ValueError(f"the student shows {len(s)} stages and the teacher {len(t)}")
            return [_tokens(*pair) for pair in zip(evenly(s, count), evenly(t, count), strict=True)]
        try:
            return [_tokens(s[i], t[j]) for i, j in self.mapping]
        except IndexError as error:
            raise ValueError(
                f"mapping {self.mapping} goes beyond the {len(s)} stages of the student or the "
                f"{len(t)} of the teacher"
            ) from error


def same_tokens(student: Outputs, teacher: Outputs) -> bool:
    """Whether both read texts, cut into the same tokens."""
    s, t = student.ids, teacher.ids
    if not student.tokens or not teacher.tokens or s is None or t is None:
        return False
    return s.shape == t.shape and bool((s == t).all())


def real_tokens(outputs: Outputs, states: Tensor) -> Tensor:
    """(N, L): 1, and 0 for the padding of a text if `states` (N, L, D) are of its tokens."""
    if outputs.mask is None or outputs.mask.shape != states.shape[:2]:
        return states.new_ones(states.shape[:2])
    return outputs.mask.to(states.dtype)


def _tokens(s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    if s.ndim == t.ndim == 3 and s.shape[:2] == t.shape[:2]:
        return full(s), full(t).detach()
    ((s, t),) = pairs([s], [t])
    s, t = same_size(s, t)
    return as_tokens(s), as_tokens(t)
