"""Focal and global distillation: foreground and background apart, and what surrounds a place."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kdrun.loss import Loss, positive
from kdrun.loss.stages import aligned, pairs, same_size
from kdrun.types import Batch, Outputs


class FGD(Loss):
    """Match each level of a pyramid where the teacher looks, in boxes and beside.

        L = Σ_l α·fg + β·bg + γ·attention + λ·relation
        fg, bg: Σ M · A^s · A^c · (t − s)², M one over the area of a box, or of what is in none
        A^s, A^c: softmax of the teacher's mean |t| / T, over places and over channels
        attention: Σ |A_s − A_t| of both; relation: Σ (t + g_t(t) − s − g_s(s))², g a GcBlock

    Yang et al., 2022. https://arxiv.org/abs/2111.11837

    All are sums, divided by the number of pictures. Weights are the authors' for FCOS; for
    RetinaNet they have 0.001, 0.0005, 0.001, 0.000005 and a temperature of 0.5. Their code lays
    boxes over maps with height and width exchanged; here they lie where the paper has them. A 1×1
    convolution aligns where widths differ. The larger map is averaged down.

    Args:
        alpha: weight of boxes.
        beta: weight of all beside them.
        gamma: weight of attentions.
        lamda: weight of relations.
        temperature: T.
    """

    needs = ("features",)

    def __init__(
        self,
        alpha: float = 0.0016,
        beta: float = 0.0008,
        gamma: float = 0.0008,
        lamda: float = 0.000008,
        temperature: float = 0.8,
    ) -> None:
        super().__init__()
        positive(temperature=temperature)
        self.alpha, self.beta, self.gamma, self.lamda = alpha, beta, gamma, lamda
        self.temperature = temperature
        self.align, self.own, self.theirs = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size alignments and context blocks.

        Raises:
            ValueError: the targets are no boxes.
        """
        of_boxes(targets)
        maps = pairs(student.features, teacher.features)
        self.align = aligned(maps)
        self.own = nn.ModuleList(Context(t.shape[1]) for _, t in maps)
        self.theirs = nn.ModuleList(Context(t.shape[1]) for _, t in maps)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The sum over levels, of a picture."""
        assert isinstance(batch.input, Tensor)
        target, size = of_boxes(batch.target), (batch.input.shape[2], batch.input.shape[3])
        terms = []
        for place, (s, t) in enumerate(pairs(student.features, teacher.features)):
            s, t = same_size(self.align[place](s), t)
            inside, beside = regions(target, size, (t.shape[2], t.shape[3]))
            where_t, which_t = self._attention(t)
            where_s, which_s = self._attention(s)
            gap = where_t[:, None] * which_t[:, :, None, None] * (t - s).square()
            focal = (gap * (self.alpha * inside + self.beta * beside)[:, None]).sum()
            looks = (where_s - where_t).abs().sum() + (which_s - which_t).abs().sum()
            related = (t + self.theirs[place](t) - s - self.own[place](s)).square().sum()
            terms.append((focal + self.gamma * looks + self.lamda * related) / len(t))
        return torch.stack(terms).sum()

    def _attention(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """(N, H, W) over places and (N, C) over channels; each has the mean 1."""
        n, c, h, w = maps.shape
        size = maps.abs()
        where = (size.mean(1) / self.temperature).flatten(1).softmax(1) * (h * w)
        which = (size.mean((2, 3)) / self.temperature).softmax(1) * c
        return where.view(n, h, w), which


class Context(nn.Module):
    """What a picture as a whole adds to every place. Cao et al., 2019.
    https://arxiv.org/abs/1904.11492

    Args:
        width: of the map.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        half = max(1, width // 2)
        self.mask = nn.Conv2d(width, 1, 1)
        last = nn.Conv2d(half, width, 1)
        self.add = nn.Sequential(
            nn.Conv2d(width, half, 1), nn.LayerNorm([half, 1, 1]), nn.ReLU(), last
        )
        nn.init.kaiming_normal_(self.mask.weight, mode="fan_in")
        nn.init.zeros_(last.weight)
        if last.bias is not None:
            nn.init.zeros_(last.bias)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, 1, 1) of (N, C, H, W)."""
        share = self.mask(maps).flatten(2).softmax(2)
        context = maps.flatten(2) @ share.transpose(1, 2)
        added: Tensor = self.add(context[..., None])
        return added


def of_boxes(targets: Tensor) -> Tensor:
    """The targets, if they are boxes.

    Raises:
        ValueError: they are not.
    """
    if targets.ndim != 3 or targets.shape[2] != 6 or not targets.is_floating_point():
        raise ValueError(
            f"targets {tuple(targets.shape)} are no boxes (N, M, 6): this tells a detector's "
            "foreground from its background"
        )
    return targets


def regions(
    targets: Tensor, size: tuple[int, int], places: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """How much each place of a level counts as part of a box, and as none.

    Args:
        targets: (N, M, 6), as in `kdrun.task.detection.Detection`.
        size: height and width of the pictures.
        places: of the level.

    Returns:
        (N, H, W) one over the places of the smallest box that it lies in, 0 outside of all; and
        (N, H, W) one over the number of places that lie in none, there, 0 elsewhere.
    """
    (height, width), (rows, columns) = size, places
    label, left, top, right, bottom, crowd = targets.unbind(2)
    across = torch.arange(columns, device=targets.device)
    down = torch.arange(rows, device=targets.device)
    first_x, last_x = (left / width * columns).floor(), (right / width * columns).ceil()
    first_y, last_y = (top / height * rows).floor(), (bottom / height * rows).ceil()
    area = (last_x + 1 - first_x) * (last_y + 1 - first_y)
    in_x = (across >= first_x[..., None]) & (across <= last_x[..., None])
    in_y = (down >= first_y[..., None]) & (down <= last_y[..., None])
    real = ((label >= 0) & (crowd == 0))[..., None, None]
    inside = in_y[..., :, None] & in_x[..., None, :] & real
    share = torch.where(inside, 1 / area[..., None, None], 0).amax(1)
    free = (share == 0).to(share.dtype)
    return share, free / free.sum((1, 2), keepdim=True).clamp(min=1)
