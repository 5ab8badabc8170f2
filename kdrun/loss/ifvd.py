"""Intra-class feature variation: how far each pixel lies from the centre of its class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.stages import pair, same_size
from kdrun.task.pixels import at_size
from kdrun.types import Batch, Outputs


class IFVD(Loss):
    """Match the cosine between each pixel's feature and its class's centre in the same picture.

        L = mean over pixels of (cos(f^s_i, c^s_k(i)) − cos(f^t_i, c^t_k(i)))²
        c_k: the mean of f over the pixels of class k

    Wang et al., 2020. https://github.com/YukangWang/IFVD

    The labels are brought to the size of the last stage by their nearest pixels, the larger map
    averaged down. Pixels without a label have no class, and do not count; the authors count them
    as equal.
    """

    needs = ("features",)
    labelled = True
    classes: int

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Count the classes.

        Raises:
            ValueError: the labels are not of pixels.
        """
        s, _ = same_size(*pair(student.features, teacher.features, -1))
        of_pixels(targets[:1], s.shape[2:])
        self.classes = int(targets.max()) + 1

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The squared difference of cosines, mean over pixels with a label."""
        s, t = same_size(*pair(student.features, teacher.features, -1))
        target = of_pixels(batch.target, s.shape[2:])
        known = target >= 0
        gap = (to_centre(s, target, self.classes) - to_centre(t, target, self.classes)).square()
        return torch.where(known, gap, 0).sum() / known.sum().clamp(min=1)


def of_pixels(target: Tensor, size: torch.Size) -> Tensor:
    """(N, h, w) labels of pixels at another size: see `kdrun.task.pixels.at_size`.

    Raises:
        ValueError: the labels are not of pixels.
    """
    if target.ndim != 3:
        raise ValueError(
            f"targets {tuple(target.shape)} are not (N, H, W): this compares the pixels of a class"
        )
    return at_size(target, size)


def centres(features: Tensor, target: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """The mean feature of each class in each picture, (N, C, K), and its pixels there, (N, K).

    Args:
        features: (N, C, H, W).
        target: (N, H, W) classes, -1 where none counts.
        classes: K. A class without a pixel has the centre 0.
    """
    # torch's one_hot waits for the device, to look whether all classes are there.
    names = torch.arange(classes, device=target.device)
    member = (target.flatten(1)[:, None] == names[:, None]).to(features.dtype)
    counts = member.sum(2)
    return features.flatten(2) @ member.transpose(1, 2) / counts[:, None].clamp(min=1), counts


def to_centre(features: Tensor, target: Tensor, classes: int) -> Tensor:
    """(N, H, W): the cosine between each pixel and the centre of its class in its picture.

    Args:
        features: (N, C, H, W).
        target: (N, H, W) classes, -1 where none counts, which there gives any number.
        classes: how many there are.
    """
    every, _ = centres(features, target, classes)
    place = target.clamp(min=0).flatten(1)[:, None].expand(-1, features.shape[1], -1)
    return F.cosine_similarity(features.flatten(2), every.gather(2, place), dim=1).view_as(target)
