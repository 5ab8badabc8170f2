"""Where a loader's samples come from: memory, or files that workers decode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from kdrun.dataset import boxes
from kdrun.dataset.augment import CROP
from kdrun.dataset.image import Crop, Fit, read_image
from kdrun.dataset.random import Keys
from kdrun.dataset.tokens import lengths
from kdrun.sample import ROWS
from kdrun.types import Arrays, Files, Input

MASK = "attention_mask"
"""How the key of those inputs ends that tell tokens from padding."""


class Source(Protocol):
    """Where samples come from."""

    pictures: bool
    placed: bool

    def read(self, batches: list[Tensor], view: int | Keys = 0) -> Iterator[Input]:
        """The samples at each batch of positions, uint8 (N, C, H, W) if they are images.

        Args:
            batches: of positions.
            view: which view of the samples is wanted, where they are cropped as they are read.
        """
        ...


class Cropping(NamedTuple):
    """The random-resized crops of a training: see `kdrun.dataset.augment`.

    Attributes:
        seed: of the views.
        least: the smallest share of a picture's area.
        ratio: the longest aspect.
    """

    seed: int
    least: float
    ratio: float


class Memory:
    """Samples of arrays on a device."""

    def __init__(self, split: Arrays, device: torch.device | str) -> None:
        inputs = split.inputs
        self.pictures = isinstance(inputs, Tensor) and inputs.dtype == torch.uint8
        self._inputs: Input
        if isinstance(inputs, dict):
            self._inputs = {key: value.to(device) for key, value in inputs.items()}
            self._lengths = {
                key.removesuffix(MASK): lengths(mask)
                for key, mask in self._inputs.items()
                if key.endswith(MASK)
            }
        elif self.pictures:  # as rows of pixels, which augmentation copies fastest
            self._inputs = inputs.to(device).permute(0, 2, 3, 1).contiguous()
        else:
            self._inputs = inputs.to(device)
        # Texts are cut to the longest of each batch, which the device has to be asked for.
        self.placed = not isinstance(inputs, dict) or not self._lengths

    def read(self, batches: list[Tensor], view: int | Keys = 0) -> Iterator[Input]:
        """As `Source`; texts are cut to the longest of each batch."""
        if isinstance(self._inputs, dict):
            # At once, for a device that is asked has to be waited for.
            needed = {
                name: torch.stack([counts[index].max() for index in batches]).tolist()
                for name, counts in self._lengths.items()
            }
            for place, index in enumerate(batches):
                short = {name: longest[place] for name, longest in needed.items()}
                yield {
                    key: _cut(value, key, short).index_select(0, index)
                    for key, value in self._inputs.items()
                }
            return
        for index in batches:
            samples = self._inputs.index_select(0, index)
            yield samples.permute(0, 3, 1, 2) if self.pictures else samples


def _cut(values: Tensor, key: str, lengths: dict[str, int]) -> Tensor:
    """The columns of some tokens that a batch needs."""
    whose = [name for name in lengths if key.startswith(name)]  # the longest: the decoder's own
    return values[:, : lengths[max(whose, key=len)]] if whose and key != ROWS else values


class Disk:
    """Images of files, decoded by worker processes ahead of time."""

    pictures = True
    placed = False

    def __init__(
        self,
        split: Files,
        device: torch.device | str,
        workers: int,
        cropping: Cropping | None = None,
    ) -> None:
        self._device, self._cropping = torch.device(device), cropping
        self._batches: list[
            tuple[Tensor, Tensor | None]
        ] = []  # of the epoch in progress; the workers outlive it
        self._epochs_begun = 0
        self._loader = DataLoader(
            _Decoder(split, cropping),
            sampler=self._batches,
            batch_size=None,  # the sampler gives whole batches
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self._device.type == "cuda",
            generator=torch.Generator(),  # leaves alone the global one, which a resume restores
        )

    def read(self, batches: list[Tensor], view: int | Keys = 0) -> Iterator[Input]:
        """As `Source`.

        Raises:
            ValueError: a file cannot be decoded.
        """
        self._epochs_begun += 1
        turn = self._epochs_begun
        self._batches[:] = [(index, self._drawn(index, view)) for index in map(_on_cpu, batches)]
        for images in self._loader:
            assert turn == self._epochs_begun, "the workers serve one epoch at a time"
            if isinstance(images, str):
                raise ValueError(images)
            yield images.to(self._device, non_blocking=True).permute(0, 3, 1, 2)

    def _drawn(self, index: Tensor, view: int | Keys) -> Tensor | None:
        """What the crops of a batch are made of; None where there are none."""
        if self._cropping is None:
            return None
        return boxes.draws(self._cropping.seed, view, index, CROP)


def _on_cpu(batch: Tensor) -> Tensor:
    return batch.cpu()


class _Decoder(TorchDataset[Tensor | str]):
    """Decodes a batch of image files, in a worker."""

    def __init__(self, split: Files, cropping: Cropping | None) -> None:
        self._paths, self._cropping = split.paths, cropping
        self._fit = Fit(split.background, split.crop_pct, split.interpolation)
        self._shape = (3, split.image_size, split.image_size)

    def __getitem__(self, batch: tuple[Tensor, Tensor | None]) -> Tensor | str:
        """(N, H, W, C) uint8, or what is wrong with a file.

        The message is returned since torch would bury a raised one in the worker's traceback.
        """
        index, drawn = batch
        try:
            return torch.stack(
                [
                    read_image(self._paths[i], self._shape, *self._fit, self._crop(drawn, place))
                    for place, i in enumerate(index.tolist())
                ]
            )
        except ValueError as fault:
            return str(fault)

    def _crop(self, drawn: Tensor | None, place: int) -> Crop | None:
        if drawn is None or self._cropping is None:
            return None
        return Crop(drawn[place], self._cropping.least, self._cropping.ratio)
