"""Batches of a split. Epoch k is a pure function of the split, the seed and k.

Of `views` views of each sample, epoch k shows view k modulo `views`; its order is its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from kdrun.dataset.augment import Augment, to_float
from kdrun.dataset.augment_boxes import boxes_along, refuse
from kdrun.dataset.balanced import balanced
from kdrun.dataset.random import Keys, permutation
from kdrun.dataset.source import Cropping, Disk, Memory, Source
from kdrun.dataset.spot import Spot
from kdrun.task import Task
from kdrun.types import Batch, Files, Input, Loader, Split


def make_loader(
    split: Split,
    batch_size: int,
    *,
    seed: int,
    train: bool,
    augment: Augment | None = None,
    device: torch.device | str = "cpu",
    workers: int = 0,
    channels_last: bool = False,
    task: Task | None = None,
    even: bool = False,
    views: int | None = None,
) -> Loader:
    """Batches of a split on a device.

    Args:
        split: arrays, which move to the device as a whole, or image files.
        batch_size: samples in a batch.
        seed: of the order and the augmentation.
        train: in a new order each epoch, augmented. Otherwise in the split's order, as they are.
        augment: changes the training images.
        device: where the batches are made.
        workers: processes that decode image files; the batches do not depend on it.
        channels_last: memory format of the images.
        task: what is predicted, which knows how labels are mixed; None: mixup is refused.
        even: in training, every class comes equally often: see `kdrun.dataset.balanced`.
        views: of each sample, after which the first comes again, in another order; None for a new
            one in every epoch. Shen, Xing, 2022. https://arxiv.org/abs/2112.01528

    Returns:
        A loader whose every epoch holds each sample once, unless `even`. The last batch may be
        smaller; in training, one sample alone joins the batch before, for batch norm needs two.

    Raises:
        ValueError: the split is empty, or an option does not fit it.
    """
    _refuse(split, batch_size, views)
    augment = augment if train and augment is not None else Augment()
    source = _source(split, augment, seed, device, workers)
    if augment != Augment() and not source.pictures:
        raise ValueError(
            "augmentation is for uint8 images, and this dataset has none: set crop_padding, "
            "rotate, scale, cutout and mixup of dataset.augment to 0 and flip to false, or leave "
            "out augment=."
        )
    task, even = task or Task(), even and train
    _refuse_labels(split, task, augment, even)
    targets = split.targets.to(device)
    views = 1 if augment == Augment() else views  # a sample that nothing changes is the same
    whole = (channels_last, task, even, views)
    left = augment.cropped if isinstance(split, Files) else augment
    return _Batches(source, targets, batch_size, seed, train, left, *whole)


def _source(
    split: Split, augment: Augment, seed: int, device: torch.device | str, workers: int
) -> Source:
    """Where samples come from; files are cropped as they are read."""
    if not isinstance(split, Files):
        return Memory(split, device)
    cropping = Cropping(seed, augment.resized_crop, augment.crop_ratio)
    return Disk(split, device, workers, cropping if augment.resized_crop else None)


def _refuse_labels(split: Split, task: Task, augment: Augment, even: bool) -> None:
    """Refuse what cannot be done with these labels."""
    if task.boxed:
        refuse(augment)
    if augment.mixes:
        task.soft(split.targets[:1])
        if not bool(task.known(split.targets).all()):
            name = "mixup" if augment.mixup else "cutmix"
            raise ValueError(f"augment.{name} mixes labels, and some are hidden here: set it to 0.")
    if task.spatial and augment.policy != "none":
        raise ValueError(
            "augment.policy moves pixels and leaves their labels where they were: set it to none"
        )
    if even and not (task.named and bool(task.known(split.targets).all())):
        raise ValueError(
            "train.sampler=balanced goes by classes, and here are none, or hidden labels: take "
            "train.sampler=shuffle"
        )


def _refuse(split: Split, batch_size: int, views: int | None) -> None:
    """Refuse numbers that no batch can be made of."""
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: give 1 or more.")
    if views is not None and views < 1:
        raise ValueError(f"dataset.views={views}: give 1 or more, or null for a new one each epoch")
    if len(split) == 0:
        raise ValueError("the split holds no samples: give more data.")


class _Batches:
    """The loader: chooses positions, reads them from a source and augments them."""

    def __init__(
        self,
        source: Source,
        targets: Tensor,
        batch_size: int,
        seed: int,
        train: bool,
        augment: Augment,
        channels_last: bool,
        task: Task,
        even: bool,
        views: int | None,
    ) -> None:
        self.targets = targets
        self._source = source
        self._batch_size = batch_size
        self._seed = seed
        self._train = train
        self._augment = augment
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self._task = task
        self._even = even
        self._views = views

    def view(self, epoch: int) -> int:
        """Which view of the samples an epoch shows: another epoch of the same shows the same."""
        return epoch if self._views is None else epoch % self._views

    @property
    def complete(self) -> bool:
        """Whether each epoch shows every sample, once."""
        return not self._even

    def __len__(self) -> int:
        whole, rest = divmod(len(self.targets), self._batch_size)
        return whole + (rest > 0) - (self._joins(rest) and whole > 0)

    def _joins(self, rest: int) -> bool:
        """Whether a last batch of `rest` samples joins the one before."""
        return self._train and rest == 1 < self._batch_size

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        positions, view = self._positions(epoch), self.view(epoch)
        wanted = [self._wanted(index, view) for index in positions]
        for index, both, samples in zip(
            positions, wanted, self._source.read(wanted, view), strict=True
        ):
            yield self._batch(index, both, samples, view)

    @property
    def placed(self) -> bool:
        """Whether `at` makes any batch: see `kdrun.dataset.spot.Placed`."""
        return self._source.placed

    def spots(self, epoch: int) -> Iterator[Spot]:
        """Where the batches of one epoch come from."""
        view = self.view(epoch)
        return (Spot(index, view) for index in self._positions(epoch))

    def at(self, spot: Spot) -> Batch:
        """The batch of a spot."""
        wanted = self._wanted(spot.index, spot.epoch)
        (samples,) = self._source.read([wanted], spot.epoch)
        return self._batch(spot.index, wanted, samples, spot.epoch)

    def _wanted(self, index: Tensor, epoch: int | Keys) -> Tensor:
        """The samples that a batch is made of: in mixup, also those that are mixed in."""
        if not self._augment.mixes:
            return index
        size, seed = len(self.targets), self._seed
        return torch.cat([index, self._augment.partners(index, size, epoch, seed)])

    def _batch(self, index: Tensor, wanted: Tensor, samples: Input, epoch: int | Keys) -> Batch:
        target = self.targets[wanted]
        if isinstance(samples, Tensor) and self._source.pictures:
            samples = self._finish(samples, wanted, epoch)
            if self._task.spatial:
                target = self._augment.along(target, wanted, epoch, self._seed)
            elif self._task.boxed and self._train:
                size = (samples.shape[2], samples.shape[3])
                target = boxes_along(self._augment, target, size, wanted, epoch, self._seed)
        if self._augment.mixes:
            assert isinstance(samples, Tensor)
            drawn = (index, epoch, self._seed, samples.shape[2:])
            samples = self._augment.mix(samples, *drawn)
            target = self._augment.mix(self._task.soft(target), *drawn)
        return Batch(samples, target, index)

    def _positions(self, epoch: int) -> list[Tensor]:
        size, device = len(self.targets), self.targets.device
        if self._even:
            order = balanced(self._seed, epoch, self._task.strata(self.targets))
        elif self._train:
            order = permutation(self._seed, epoch, size, device)
        else:
            order = torch.arange(size, device=device)
        batches = list(order.split(self._batch_size))
        if len(batches) > 1 and self._joins(len(batches[-1])):
            batches[-2:] = [torch.cat(batches[-2:])]
        return batches

    def _finish(self, images: Tensor, index: Tensor, epoch: int | Keys) -> Tensor:
        if self._train:
            images = self._augment(images, index, epoch, self._seed)
        else:
            images = to_float(images)
        return images.contiguous(memory_format=self._format)
