"""Augmentation of whole batches, on their device, as a pure function of (seed, epoch, index)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.config.instantiate import nearest
from kdrun.dataset.random import Keys, integers, uniform

CropMode = Literal["zeros", "reflect"]


QUANTILES = 4096
"""Of the distribution of mixup's weights."""


@dataclass(frozen=True)
class Augment:
    """How training images are changed.

    What happens to a sample depends on the seed, the epoch and its index only: not on its batch,
    the other options, the device or the number of workers.

    Attributes:
        crop_padding: pixels added at each border before a crop of the original size.
        crop_mode: what they hold: `zeros` (black) or `reflect`.
        flip: mirror half of the images, left to right.
        rotate: largest angle in degrees, to both sides.
        scale: largest relative change of size: 0.1 is between 0.9 and 1.1.
        cutout: side of a black square around a random pixel. DeVries, Taylor, 2017.
            https://arxiv.org/abs/1708.04552
        mixup: α of the Beta distribution of the weights of two images and their labels, drawn for
            each sample. Zhang et al., 2018. https://arxiv.org/abs/1710.09412

    Raises:
        ValueError: an option is out of its range.
    """

    crop_padding: int = 0
    crop_mode: CropMode = "zeros"
    flip: bool = False
    rotate: float = 0.0
    scale: float = 0.0
    cutout: int = 0
    mixup: float = 0.0

    def __post_init__(self) -> None:
        for name in ("crop_padding", "rotate", "scale", "cutout", "mixup"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"augment.{name}={value}: give 0 for none, or more.")
        if self.scale >= 1:
            raise ValueError(f"augment.scale={self.scale}: give a relative change below 1.")
        if self.crop_mode not in get_args(CropMode):
            hint = nearest(self.crop_mode, get_args(CropMode))
            raise ValueError(f"augment.crop_mode={self.crop_mode} is not defined; {hint}")

    def __call__(self, images: Tensor, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
        """Change images by everything but mixup, and scale them to [0, 1].

        Args:
            images: (N, C, H, W) uint8; fastest in channels-last memory.
            index: (N,) int64, the position of each image in its split.
            epoch: of the training.
            seed: of the run.

        Returns:
            (N, C, H, W) float32 in channels-last memory.

        Raises:
            ValueError: the padding is too large to be reflected.
        """
        images = self._flip_and_crop(images.permute(0, 2, 3, 1).contiguous(), index, epoch, seed)
        scaled = to_float(images.permute(0, 3, 1, 2))
        if self.rotate or self.scale:
            scaled = self._turn(scaled, index, epoch, seed)
        if self.cutout:
            scaled = self._cut_out(scaled, index, epoch, seed)
        return scaled

    def along(self, labels: Tensor, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
        """Change the labels of pixels as their pictures are.

        What comes from outside of a picture, or lies under a cutout, is no class.

        Args:
            labels: (N, H, W) int64 classes of pixels, below 255; -1 where none counts.
            index: as in `__call__`, as are the others.
            epoch: likewise.
            seed: likewise.

        Returns:
            (N, H, W) int64.
        """
        coded = (labels + 1).to(torch.uint8)[..., None]  # so that black is no class
        coded = self._flip_and_crop(coded.contiguous(), index, epoch, seed).permute(0, 3, 1, 2)
        if self.rotate or self.scale or self.cutout:
            coded = coded.float()
        if self.rotate or self.scale:
            coded = self._turn(coded, index, epoch, seed, "nearest")
        if self.cutout:
            coded = self._cut_out(coded, index, epoch, seed)
        return coded[:, 0].long() - 1

    def partners(self, index: Tensor, size: int, epoch: int | Keys, seed: int) -> Tensor:
        """(N,) the positions, in a split of `size` samples, of the images to mix in."""
        return integers(seed, epoch, index, "partner", size)

    def mix(self, pairs: Tensor, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
        """Mixup of 2N images, or of their class probabilities: each with its partner.

        Args:
            pairs: (2N, …) float; the partner of row i is row N + i.
            index: (N,) positions of the first N.
            epoch: of the training.
            seed: of the run.

        Returns:
            (N, …) weighted means.
        """
        level = integers(seed, epoch, index, "mixup", QUANTILES)
        weight = _beta_quantiles(self.mixup, pairs.device)[level]
        weight = weight.view(-1, *(1,) * (pairs.dim() - 1))
        own, partner = pairs.chunk(2)
        return own * weight + partner * (1 - weight)

    def _flip_and_crop(self, images: Tensor, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
        """Mirror and shift (N, H, W, C) bytes by copying whole rows."""
        count, height, width, _ = images.shape
        source = torch.arange(count, device=images.device)
        if self.flip:
            # Choosing from both versions takes half the time of torch.where on bytes.
            images = torch.cat([images, images.flip(2)])
            source = source + count * (uniform(seed, epoch, index, "flip") < 0.5)
        if not self.crop_padding:
            return images.index_select(0, source) if self.flip else images
        shifts = 2 * self.crop_padding + 1
        top = integers(seed, epoch, index, "crop row", shifts)
        left = integers(seed, epoch, index, "crop column", shifts)
        return _windows(self._pad(images), source, top, left, height, width)

    def _pad(self, images: Tensor) -> Tensor:
        padding = self.crop_padding
        if self.crop_mode == "zeros":
            return F.pad(images, (0, 0, padding, padding, padding, padding))
        if padding >= min(images.shape[1:3]):
            raise ValueError(
                f"augment.crop_padding={padding} cannot be reflected in images of "
                f"{images.shape[1]}x{images.shape[2]}: give less, or crop_mode=zeros."
            )
        for dim in (1, 2):  # torch reflects no bytes
            first = images.narrow(dim, 1, padding).flip(dim)
            last = images.narrow(dim, images.shape[dim] - 1 - padding, padding).flip(dim)
            images = torch.cat([first, images, last], dim)
        return images

    def _turn(
        self, images: Tensor, index: Tensor, epoch: int | Keys, seed: int, mode: str = "bilinear"
    ) -> Tensor:
        """Rotate and scale about the centre."""
        height, width = images.shape[2:]
        angle = (uniform(seed, epoch, index, "rotate") * 2 - 1) * math.radians(self.rotate)
        zoom = 1 + (uniform(seed, epoch, index, "scale") * 2 - 1) * self.scale
        cos, sin = (
            (torch.cos(angle) / zoom)[:, None, None],
            (torch.sin(angle) / zoom)[:, None, None],
        )
        y = torch.arange(height, device=images.device)[:, None] - (height - 1) / 2
        x = torch.arange(width, device=images.device) - (width - 1) / 2
        # By hand, since affine_grid multiplies matrices, which rounds differently for each batch.
        grid = torch.stack(
            [(cos * x - sin * y) * (2 / width), (sin * x + cos * y) * (2 / height)], 3
        )
        return F.grid_sample(images, grid, mode=mode, align_corners=False)

    def _cut_out(self, images: Tensor, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
        """Blacken a square around a pixel; it may reach over the border."""
        inside = []
        for length, stream in zip(images.shape[2:], ("cutout row", "cutout column"), strict=True):
            first = integers(seed, epoch, index, stream, length)[:, None] - self.cutout // 2
            place = torch.arange(length, device=images.device)
            inside.append((place >= first) & (place < first + self.cutout))
        rows, columns = inside
        return images.masked_fill_((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


@lru_cache(maxsize=8)
def _beta_quantiles(alpha: float, device: torch.device) -> Tensor:
    """So many equally likely values of Beta(α, α): a sampler without rejection."""
    from scipy.special import betaincinv

    levels = (torch.arange(QUANTILES, dtype=torch.float64) + 0.5) / QUANTILES
    return torch.from_numpy(betaincinv(alpha, alpha, levels.numpy())).float().to(device)


def to_float(images: Tensor) -> Tensor:
    """Bytes to float32 in [0, 1], in the memory format they have."""
    return images.to(torch.float32).div_(255)


def _windows(
    images: Tensor, source: Tensor, top: Tensor, left: Tensor, height: int, width: int
) -> Tensor:
    """Cut one window of (height, width) from each chosen image of (M, H, W, C) contiguous bytes.

    A row of a window is a run of bytes that may start anywhere: as rows of an overlapping view,
    they are gathered by one index_select, a memcpy for each row.
    """
    _, padded_height, padded_width, channels = images.shape
    row = (source * padded_height + top)[:, None] + torch.arange(height, device=images.device)
    start = (row * padded_width + left[:, None]) * channels
    length = width * channels
    flat = images.view(-1)
    runs = flat.as_strided((len(flat) - length + 1, length), (1, 1))
    return runs.index_select(0, start.view(-1)).view(len(source), height, width, channels)
