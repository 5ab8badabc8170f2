"""Pictures with what is said of them drawn over: masks as colours, boxes as frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from kdrun.task.palette import colours

PICTURES = 8
"""Of a split, so many are shown."""

SURE = 0.3
"""Boxes that score less are not drawn."""


def blended(images: Tensor, masks: Tensor) -> Tensor:
    """Pictures half of whose colour is that of each pixel's class; what does not count stays.

    Args:
        images: (N, H, W, 3) uint8.
        masks: (N, H, W) classes, -1 where none counts.
    """
    table = torch.tensor(colours(), dtype=torch.uint8)
    tint = table[masks.clamp(min=0) % len(table)]
    mixed = (images.int() + tint.int()) // 2
    return torch.where((masks >= 0)[..., None], mixed.to(torch.uint8), images)


def framed(images: Tensor, boxes: Tensor) -> Tensor:
    """Pictures with a frame of a pixel around each box, in the hue of its class.

    Args:
        images: (N, H, W, 3) uint8.
        boxes: (N, K, 5) class, left, top, right, bottom in pixels; class -1 for none.
    """
    table = torch.tensor(colours()).float()
    table = (table * 255 / table.amax(1, keepdim=True).clamp(min=1)).to(torch.uint8)  # bright
    drawn = images.clone()
    height, width = images.shape[1:3]
    for image, rows in zip(drawn, boxes, strict=True):
        for label, *sides in reversed(rows.tolist()):  # the best one last, over the others
            if label < 0:
                continue
            left, right = (min(max(round(x), 0), width) for x in sides[::2])
            top, bottom = (min(max(round(y), 0), height) for y in sides[1::2])
            if right <= left or bottom <= top:
                continue
            colour = table[(int(label) + 1) % len(table)]  # the first of all is black
            for row in (top, bottom - 1):
                image[row, left:right] = colour
            for column in (left, right - 1):
                image[top:bottom, column] = colour
    return drawn


def sure(found: Tensor) -> Tensor:
    """(N, D, 5) boxes without their score, of those that are to be drawn.

    Args:
        found: (N, D, 6), as a detector gives them.
    """
    label = torch.where(found[..., 1] >= SURE, found[..., 0], -1.0)
    return torch.cat([label[..., None], found[..., 2:]], 2)


class Overlays:
    """The first pictures of a split: as they are, and as truth, teacher and student have them.

    They are drawn when they are written: most splits are only counted.

    Args:
        draw: `blended` or `framed`.
    """

    def __init__(self, draw: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.draw = draw
        self.columns: dict[str, list[Tensor]] = {}

    @property
    def full(self) -> bool:
        """Whether there are enough."""
        return sum(map(len, self.columns.get("picture", ()))) >= PICTURES

    def add(self, images: Tensor, **said: Tensor) -> None:
        """Keep some pictures.

        Args:
            images: (N, H, W, 3) uint8.
            said: what is to be drawn over them, by the head of the column.
        """
        for name, column in {"picture": images, **said}.items():
            self.columns.setdefault(name, []).append(column)

    def write(self, path: Path) -> None:
        """Write them as one PNG, a row a picture; nothing where there are none.

        Args:
            path: of the file.
        """
        from kdrun.results.record import atomic
        from kdrun.results.sheet import drawn

        if not self.columns:
            return
        whole = {name: torch.cat(parts)[:PICTURES] for name, parts in self.columns.items()}
        images = whole.pop("picture")
        columns = [images, *(self.draw(images, said) for said in whole.values())]
        rows = [[(picture, "") for picture in row] for row in zip(*columns, strict=True)]
        with atomic(path) as temporary:
            drawn(list(self.columns), rows).save(temporary, format="PNG")


def as_bytes(images: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 on the CPU, of (N, C, H, W) pictures in [0, 1]; grey ones as RGB."""
    shown = (images[:PICTURES] * 255).round().clamp(0, 255).to(torch.uint8).cpu()
    return shown.permute(0, 2, 3, 1).expand(-1, -1, -1, 3)
