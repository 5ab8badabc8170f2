"""Norm and direction of embeddings."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss, full
from kdrun.loss.logits import one_hot
from kdrun.task.form import by_form
from kdrun.types import Batch, Loader, Outputs


class NormAndDirection(Loss):
    """Match the direction of the teacher's class means, with at least the teacher's norm.

        L = mean_n [1 − s_nᵀ e_y / max(‖s_n‖, ‖t_n‖)],  e_c = m_c / ‖m_c‖,
        m_c = mean of the teacher's embeddings t of class c

    Wang et al., 2023. https://arxiv.org/abs/2305.17007

    The term that makes KD, DKD and ReviewKD into KD++, DKD++ and ReviewKD++ when it is added. Class
    means are taken over an epoch of training data as the student sees them. Where widths differ,
    the student's embedding goes through batch norm, dropout and a linear layer, as in the authors'
    code. The least value is zero, along the class mean and at least as long as the teacher's.
    After mixup, directions are weighted by the labels; unlabelled samples are left out.
    """

    needs = ("embedding",)
    labelled = True
    project: nn.Module
    means: Tensor

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the projection and the class means."""
        if not (self.task or by_form(targets)).named:
            raise ValueError("directions are those of classes; in regression there are none")
        s, t = _embedding(student, "student"), _embedding(teacher, "teacher")
        s_width, t_width = s.shape[1], t.shape[1]
        self.project = nn.Identity()
        if s_width != t_width:
            self.project = nn.Sequential(
                nn.BatchNorm1d(s_width), nn.Dropout(0.5), nn.Linear(s_width, t_width)
            )
        self.register_buffer("means", t.new_zeros(teacher.logits.shape[1], t_width))

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Take the class means of the teacher's embeddings."""
        total = torch.zeros_like(self.means)
        count = torch.zeros_like(self.means[:, 0])
        for batch in loader.epoch(0):
            labels = _labels(batch.target, total)
            total += labels.T @ _embedding(teacher(batch), "teacher").detach()
            count += labels.sum(0)
        self.means.copy_(total / count.clamp(min=1).unsqueeze(1))

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """One less the student's component along its class, mean over labelled samples."""
        s = self.project(_embedding(student, "student"))
        t = _embedding(teacher, "teacher").detach()
        if s.shape != t.shape or t.shape[1] != self.means.shape[1]:
            raise ValueError(
                f"student embeddings {tuple(s.shape)}, teacher embeddings {tuple(t.shape)} and "
                f"class means {tuple(self.means.shape)} do not fit"
            )
        labels = _labels(batch.target, self.means)
        norms = torch.linalg.vector_norm(torch.stack([s, t]), dim=2).amax(0)
        along = (s @ F.normalize(self.means).T) / norms.clamp(min=1e-12).unsqueeze(1)
        missed: Tensor = (labels * (1 - along)).sum() / labels.sum().clamp(min=1)
        return missed


def _embedding(outputs: Outputs, who: str) -> Tensor:
    if outputs.embedding is None:
        raise ValueError(f"norm_and_direction reads embeddings; the {who} has none")
    return full(outputs.embedding)


def _labels(target: Tensor, means: Tensor) -> Tensor:
    """(N, classes) label probabilities; zeros where there is no label."""
    if target.ndim == 2:
        return target.to(means)
    labels = one_hot(target, len(means)) & (target >= 0).unsqueeze(1)
    return labels.to(means)
