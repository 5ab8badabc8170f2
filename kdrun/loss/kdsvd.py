"""Distillation by the singular vectors of stages."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from kdrun.loss import Loss
from kdrun.loss.relation import unit
from kdrun.loss.stages import as_tokens, pairs
from kdrun.types import Batch, Outputs

EXTRA = 3  # more of the student's vectors than of the teacher's: its order may be another


class KDSVD(Loss):
    """Match how the leading singular vectors of each stage relate to those of the one before.

        L = Σ_l Σ_ijm (R(S)_lijm − R(T)_lijm)² / N,  R_lijm = exp(−(v_lim − v_(l−1)jm)² / 8)
        v_lm = σ_m / ‖σ‖ · m-th right singular vector (C) of stage l as (H·W, C)

    Lee, Kim, Song, 2018. https://arxiv.org/abs/1807.06819

    σ are the teacher's for both networks, and each of its vectors is compared with the student's
    that is nearest in direction among the first vectors + 3, with its sign. The teacher's own sign
    is the one that makes the sum positive. Where singular values coincide, the derivative of their
    vectors, which is infinite, fades to zero instead. mdistiller's code decomposes over image
    columns instead of channels, by an axis order that the original's framework had otherwise.

    Args:
        vectors: of each stage.
    """

    needs = ("features",)
    capturable = "the solver for singular vectors waits for the device"

    def __init__(self, vectors: int = 1) -> None:
        super().__init__()
        self.vectors = vectors

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Only check.

        Raises:
            ValueError: fewer than two stages in common, or stages of different widths.
        """
        _stages(student, teacher)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """A sum over stages, channels and vectors, a mean over the batch."""
        stages = _stages(student, teacher)
        count = min(self.vectors, *(min(x.shape[1:]) for s, t in stages for x in (s, t)))
        vectors = [_aligned(s, t, count) for s, t in stages]
        loss = stages[0][0].new_zeros(())
        for (s_before, t_before), (s, t) in pairwise(vectors):
            loss = loss + _difference(s, s_before, t, t_before)
        return loss / len(batch.index)


def _stages(student: Outputs, teacher: Outputs) -> list[tuple[Tensor, Tensor]]:
    """Pairs of stages as (N, H·W, C)."""
    stages = pairs(student.features, teacher.features)
    if len(stages) < 2:
        raise ValueError(f"kdsvd relates each stage to the one before: it has only {len(stages)}")
    for s, t in stages:
        if s.shape[1] != t.shape[1]:
            raise ValueError(
                "kdsvd compares singular vectors over channels: the stages "
                f"{tuple(s.shape)} of the student and {tuple(t.shape)} of the teacher differ"
            )
    return [(as_tokens(s), as_tokens(t)) for s, t in stages]


def _aligned(s: Tensor, t: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The student's and the teacher's leading vectors (N, C, count), in the teacher's order."""
    sigma, v = _right_vectors(t, count)
    v = v * torch.where(v.sum(1, keepdim=True) < 0, -1.0, 1.0)
    _, candidates = _right_vectors(s, min(count + EXTRA, *s.shape[1:]))
    cosine = candidates.detach().mT @ v
    nearest = cosine.abs().argmax(1, keepdim=True)
    sign = torch.where(cosine.gather(1, nearest) < 0, -1.0, 1.0)
    chosen = candidates.gather(2, nearest.expand(-1, s.shape[2], -1)) * sign
    weight = unit(sigma)[:, None]
    return chosen * weight, v * weight


def _right_vectors(x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Leading singular values (N, count) and right singular vectors (N, C, count) of (N, L, C)."""
    if x.shape[1] >= x.shape[2]:
        values, vectors = _Leading.apply(x.mT @ x, count)
    else:  # the left vectors are shorter, and lead to the right ones
        values, left = _Leading.apply(x @ x.mT, count)
        vectors = unit(left.mT @ x).mT
    return values.clamp_min(0).sqrt(), vectors


class _Leading(torch.autograd.Function):
    """The largest eigenvalues and their vectors; the gradient is that of the vectors alone."""

    @staticmethod
    def forward(ctx: Any, gram: Tensor, count: int) -> tuple[Tensor, Tensor]:
        values, vectors = torch.linalg.eigh(gram)
        ctx.save_for_backward(values, vectors)
        ctx.count = count
        values, vectors = values.flip(-1)[..., :count], vectors.flip(-1)[..., :count]
        ctx.mark_non_differentiable(values)
        return values, vectors

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _: Tensor, grad: Tensor) -> tuple[Tensor, None]:
        values, vectors = ctx.saved_tensors
        leading = vectors.flip(-1)[..., : ctx.count]
        gap = values.flip(-1)[..., None, : ctx.count] - values[..., None]
        # dv_j = Σ_i v_i (v_iᵀ dA v_j) / gap_ij: broaden the pole, by a part of the largest value.
        floor = (1e-3 * values[..., -1:, None]) ** 2 + torch.finfo(values.dtype).tiny
        mixing = (vectors.mT @ grad) * gap / (gap**2 + floor)
        return vectors @ mixing @ leading.mT, None


def _difference(s: Tensor, s_before: Tensor, t: Tensor, t_before: Tensor) -> Tensor:
    """Σ (R(S) − R(T))², without holding R for more samples than 2²⁴ numbers."""
    samples = max(1, 2**24 // (s.shape[1] * s_before.shape[1] * s.shape[2]))
    parts = [
        checkpoint(_squares, *part, use_reentrant=False, preserve_rng_state=False)
        for part in zip(*(x.split(samples) for x in (s, s_before, t, t_before)), strict=True)
    ]
    return torch.stack(parts).sum()


def _squares(s: Tensor, s_before: Tensor, t: Tensor, t_before: Tensor) -> Tensor:
    return (_relation(s, s_before) - _relation(t, t_before)).square().sum()


def _relation(v: Tensor, before: Tensor) -> Tensor:
    return torch.exp(-(v[:, :, None] - before[:, None]).square() / 8)
