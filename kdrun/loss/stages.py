"""Stages of two networks side by side: which belong together, and how they take one shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import full


def pairs(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Pair the stages of two networks by depth.

    Where one has more, its stages are taken evenly from the deepest: of twelve, four partners get
    the third, sixth, ninth and last. Both come back as `as_map` makes them, in full precision, the
    teacher's cut off from its graph; widths and sizes stay as they are.

    Args:
        student: stages shallow to deep, each (N, C, H, W), (N, L, D) or (N, D).
        teacher: likewise.

    Raises:
        ValueError: a network shows no stages, the batches differ, or a sequence meets a map.
    """
    if not student or not teacher:
        raise ValueError(
            f"the student shows {len(student)} stages and the teacher {len(teacher)}; "
            "name its stages in the yaml of the model that has none"
        )
    count = min(len(student), len(teacher))
    return [
        _pair(s, t) for s, t in zip(evenly(student, count), evenly(teacher, count), strict=True)
    ]


def evenly(stages: Sequence[Tensor], count: int) -> list[Tensor]:
    """`count` of the stages, evenly from the deepest."""
    return [stages[-(i * len(stages) // count) - 1] for i in reversed(range(count))]


def pair(student: Sequence[Tensor], teacher: Sequence[Tensor], stage: int) -> tuple[Tensor, Tensor]:
    """One of `pairs`, by its place: 0 is the shallowest, -1 the deepest.

    Raises:
        ValueError: there is no such pair, or as for `pairs`.
    """
    every = pairs(student, teacher)
    if not -len(every) <= stage < len(every):
        raise ValueError(f"stage {stage} of {len(every)} that student and teacher have in common")
    return every[stage]


def need_space(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> None:
    """Refuse networks whose common stages are all single pixels, for losses over positions.

    Raises:
        ValueError: they are.
    """
    if all(s[0, 0].numel() == 1 or t[0, 0].numel() == 1 for s, t in pairs(student, teacher)):
        raise ValueError(
            "what is compared lies in space, and each stage that student and teacher have in "
            "common is a single pixel"
        )


def as_map(x: Tensor) -> Tensor:
    """Lay out features as maps (N, C, H, W).

    Tokens (N, L, D) become a square map; where they make none, a class token in front is dropped,
    with a distillation token or four registers after it. Other sequences become (N, D, L, 1), rows
    (N, D) become (N, D, 1, 1).
    """
    if x.ndim == 4:
        return x
    if x.ndim == 2:
        return x[:, :, None, None]
    if x.ndim != 3:
        raise ValueError(f"features are (N, C, H, W), (N, L, D) or (N, D), not {tuple(x.shape)}")
    for extra in (0, 1, 2, 5):
        side = math.isqrt(max(x.shape[1] - extra, 0))
        if side and side**2 == x.shape[1] - extra:
            return x[:, extra:].transpose(1, 2).reshape(len(x), -1, side, side)
    return x.transpose(1, 2).unsqueeze(3)


def as_tokens(x: Tensor) -> Tensor:
    """Lay out features as sequences (N, L, D): a map row by row; tokens stay as they are."""
    return x if x.ndim == 3 else as_map(x).flatten(2).transpose(1, 2)


def same_size(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Average both maps down to the smaller height and the smaller width."""
    size = (min(student.shape[2], teacher.shape[2]), min(student.shape[3], teacher.shape[3]))
    return _pool(student, size), _pool(teacher, size)


def same_shape(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """As `same_size`, for maps that must agree in width too.

    Raises:
        ValueError: they do not; nothing is broadcast.
    """
    student, teacher = same_size(student, teacher)
    if student.shape != teacher.shape:
        raise ValueError(
            f"student features {tuple(student.shape)} and teacher features "
            f"{tuple(teacher.shape)} differ"
        )
    return student, teacher


def regressor(student: Tensor, teacher: Tensor) -> nn.Module:
    """A convolution from the student's map to the teacher's width, with batch norm after it.

    It also meets the teacher's size where that is half (3×3, stride 2) or double (transposed 4×4),
    as in RepDistiller; otherwise it is 1×1 and leaves the size to `same_size`.
    """
    (s_width, *s_size), (t_width, *t_size) = student.shape[1:], teacher.shape[1:]
    conv: nn.Module
    if s_size == [2 * n for n in t_size]:
        conv = nn.Conv2d(s_width, t_width, 3, stride=2, padding=1)
    elif t_size == [2 * n for n in s_size]:
        conv = nn.ConvTranspose2d(s_width, t_width, 4, stride=2, padding=1)
    else:
        conv = nn.Conv2d(s_width, t_width, 1)
    return nn.Sequential(conv, nn.BatchNorm2d(t_width))


def aligned(maps: list[tuple[Tensor, Tensor]]) -> nn.ModuleList:
    """For each pair of stages a 1×1 convolution to the teacher's width where that differs."""
    widths = [(s.shape[1], t.shape[1]) for s, t in maps]
    return nn.ModuleList(nn.Identity() if s == t else nn.Conv2d(s, t, 1) for s, t in widths)


def _pair(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    s, t = as_map(full(student)), as_map(full(teacher)).detach()
    shapes = f"student stage {tuple(student.shape)} and teacher stage {tuple(teacher.shape)}"
    if len(s) != len(t):
        raise ValueError(f"{shapes} are not of one batch")
    single = s[0, 0].numel() == 1 or t[0, 0].numel() == 1  # the other is averaged down to it
    if _is_sequence(student) != _is_sequence(teacher) and not single:
        raise ValueError(f"{shapes} cannot be laid over each other: one has no height and width")
    return s, t


def _is_sequence(x: Tensor) -> bool:
    return x.ndim == 3 and as_map(x).shape[2] != as_map(x).shape[3]


def _pool(x: Tensor, size: tuple[int, int]) -> Tensor:
    return x if x.shape[2:] == size else F.adaptive_avg_pool2d(x, size)
