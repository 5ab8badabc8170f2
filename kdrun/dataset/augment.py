"""Augmentation of whole batches, on their device, as a pure function of (seed, epoch, index)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.config.instantiate import nearest
from kdrun.dataset import boxes, colour, mixing, windows
from kdrun.dataset.policy import LEVELS, Policy, applied
from kdrun.dataset.random import Keys, integers, uniform
from kdrun.dataset.windows import CropMode

POSITIVE = (
    *("crop_padding", "rotate", "scale", "brightness", "contrast", "saturation"),
    *("policy_ops", "cutout", "mixup", "cutmix"),
)
"""Options that are 0 or more."""

AT_MOST = {"resized_crop": 1.0, "hue": 0.5, "erase": 1.0, "policy_level": LEVELS}
"""Those with an end."""

CACHED = 2**18
"""Numbers of pictures that are changed at a time on a CPU."""

CROP = "resized crop"
"""What the numbers of such a crop are drawn for: the same ones where files are read."""


@dataclass(frozen=True)
class Augment:
    """How training images are changed.

    What happens to a sample depends on the seed, the epoch and its index only: not on its batch,
    the other options, the device or the number of workers.

    Attributes:
        resized_crop: the smallest share of a picture that a random crop keeps, which is then
            brought to the picture's size: 0.08 as published, 0 for no such crop. Image files are
            cropped before they are made small. Szegedy et al., 2015.
            https://arxiv.org/abs/1409.4842
        crop_ratio: the largest of width to height of such a crop, and of height to width.
        crop_padding: pixels added at each border before a crop of the original size.
        crop_mode: what they hold: `zeros` (black) or `reflect`.
        flip: mirror half of the images, left to right.
        rotate: largest angle in degrees, to both sides.
        scale: largest relative change of size: 0.1 is between 0.9 and 1.1.
        brightness: of colour jitter: multiplied by between 1 - brightness and 1 + brightness.
        contrast: likewise, as the distance from the picture's mean grey.
        saturation: likewise, as the distance from grey.
        hue: turned by up to this share of the circle, to both sides.
        policy: operations drawn from fourteen: `rand`, RandAugment; `trivial`, TrivialAugment.
        policy_ops: how many RandAugment does one after the other.
        policy_level: how strongly, from 0 to 30.
        cutout: side of a black square around a random pixel. DeVries, Taylor, 2017.
            https://arxiv.org/abs/1708.04552
        erase: the chance that a random rectangle is blackened. Zhong et al., 2020.
            https://arxiv.org/abs/1708.04896
        mixup: α of the Beta distribution of the weights of two images and their labels, drawn for
            each sample. Zhang et al., 2018. https://arxiv.org/abs/1710.09412
        cutmix: α likewise, of the share that stays where a rectangle of another image is pasted.
            Where both are given, either happens to half of the samples. Yun et al., 2019.
            https://arxiv.org/abs/1905.04899

    Raises:
        ValueError: an option is out of its range.
    """

    resized_crop: float = 0.0
    crop_ratio: float = 4 / 3
    crop_padding: int = 0
    crop_mode: CropMode = "zeros"
    flip: bool = False
    rotate: float = 0.0
    scale: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    policy: Policy = "none"
    policy_ops: int = 2
    policy_level: int = 9
    cutout: int = 0
    erase: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name, most in AT_MOST.items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                raise ValueError(f"augment.{name}={value}: give 0 to {most:g}.")
        if not 1 <= self.crop_ratio < math.inf:
            raise ValueError(f"augment.crop_ratio={self.crop_ratio}: give 1 or more.")
        for name in POSITIVE:
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"augment.{name}={value}: give 0 for none, or more.")
        if self.scale >= 1:
            raise ValueError(f"augment.scale={self.scale}: give a relative change below 1.")
        for name, allowed in (("crop_mode", get_args(CropMode)), ("policy", get_args(Policy))):
            if (value := getattr(self, name)) not in allowed:
                hint = nearest(str(value), allowed)
                raise ValueError(f"augment.{name}={value} is not defined; {hint}")

    @property
    def mixes(self) -> bool:
        """Whether a sample is made of two."""
        return bool(self.mixup or self.cutmix)

    @property
    def _jitter(self) -> tuple[float, float, float, float]:
        return self.brightness, self.contrast, self.saturation, self.hue

    @property
    def cropped(self) -> Augment:
        """The rest, of pictures that were cropped when they were read."""
        return replace(self, resized_crop=0.0)

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
        images = images.permute(0, 3, 1, 2)
        parts = [
            self._changed(some, places, epoch, seed)
            for some, places in zip(*self._in_parts(images, index), strict=True)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _in_parts(self, images: Tensor, index: Tensor) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """The batch in parts that stay in the cache of a CPU while they go through many changes."""
        heavy = self.resized_crop or any(self._jitter) or self.policy != "none"
        if not heavy or images.is_cuda or not len(images):
            return [images], [index]
        rows = max(1, CACHED // images[0].numel())
        return images.split(rows), index.split(rows)

    def _changed(self, images: Tensor, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
        """All but flips and shifts, of bytes that become numbers from 0 to 1."""
        scaled = to_float(images)
        if self.resized_crop:
            scaled = boxes.stretched(scaled, self._crops(scaled, index, epoch, seed), "bilinear")
        if self.rotate or self.scale:
            scaled = self._turn(scaled, index, epoch, seed)
        scaled = self._recolour(scaled, index, epoch, seed)
        if self.cutout:
            scaled = windows.blackened(scaled, self.cutout, index, epoch, seed)
        if self.erase:
            hit = self._erased(scaled, index, epoch, seed)
            scaled = scaled.masked_fill_(hit[:, None], 0.0)
        return scaled

    def along(self, labels: Tensor, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
        """Change the labels of pixels as their pictures are.

        What comes from outside of a picture, or lies under what is cut out or erased, is no class.

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
        if self.rotate or self.scale or self.cutout or self.resized_crop or self.erase:
            coded = coded.float()
        if self.resized_crop:
            coded = boxes.stretched(coded, self._crops(coded, index, epoch, seed), "nearest")
        if self.rotate or self.scale:
            coded = self._turn(coded, index, epoch, seed, "nearest")
        if self.cutout:
            coded = windows.blackened(coded, self.cutout, index, epoch, seed)
        if self.erase:
            coded = coded.masked_fill(self._erased(coded, index, epoch, seed)[:, None], 0.0)
        return coded[:, 0].long() - 1

    def partners(self, index: Tensor, size: int, epoch: int | Keys, seed: int) -> Tensor:
        """(N,) the positions, in a split of `size` samples, of the images to mix in."""
        return mixing.partners(index, size, epoch, seed)

    def mix(
        self,
        pairs: Tensor,
        index: Tensor,
        epoch: int | Keys,
        seed: int,
        size: Sequence[int] = (),
    ) -> Tensor:
        """Mixup and CutMix of 2N images, or of their class probabilities: each with its partner.

        Args:
            pairs: (2N, …) float; the partner of row i is row N + i.
            index: (N,) positions of the first N.
            epoch: of the training.
            seed: of the run.
            size: height and width of the images, which CutMix has to know.

        Returns:
            (N, …) weighted means; for images of CutMix, pixels of either.
        """
        own, partner = pairs.chunk(2)
        flat = (-1, *(1,) * (pairs.dim() - 1))
        pastes = mixing.of_cutmix(self.mixup, self.cutmix, index, epoch, seed)
        mixed = own
        if self.mixup:
            weight = mixing.weights(self.mixup, index, epoch, seed, "mixup").view(flat)
            mixed = own * weight + partner * (1 - weight)
        if pastes is None:
            return mixed
        inside, left = mixing.pasted(self.cutmix, index, epoch, seed, *size)
        if pairs.dim() == 4:
            cut = torch.where(inside[:, None], partner, own)
        else:
            weight = left.to(pairs.dtype).view(flat)
            cut = own * weight + partner * (1 - weight)
        return torch.where(pastes.view(flat), cut, mixed)

    def _crops(self, images: Tensor, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
        """(N, 4) the rectangles of random-resized crops."""
        drawn = boxes.draws(seed, epoch, index, CROP)
        height, width = images.shape[2:]
        return boxes.crops(drawn, height, width, self.resized_crop, self.crop_ratio)

    def _recolour(self, images: Tensor, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
        """Colour jitter and the policy, each pixel of bytes from 0 to 1."""
        if any(self._jitter):
            images = colour.jittered(images, index, epoch, seed, *self._jitter)
        if self.policy != "none":
            how = (self.policy, self.policy_ops, self.policy_level)
            images = applied(images, index, epoch, seed, *how)
        return images

    def _erased(self, images: Tensor, index: Tensor, epoch: int | Keys, seed: int) -> Tensor:
        """(N, H, W) bool: what is blackened."""
        chance = uniform(seed, epoch, index, "erase") < self.erase
        drawn = boxes.draws(seed, epoch, index, "erase")
        return boxes.erased(drawn, chance, *images.shape[2:])

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
        whole = windows.padded(images, self.crop_padding, self.crop_mode)
        return windows.cut(whole, source, top, left, height, width)

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


def to_float(images: Tensor) -> Tensor:
    """Bytes to float32 in [0, 1], in the memory format they have."""
    return images.to(torch.float32).div_(255)
