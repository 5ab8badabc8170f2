"""Batches of a run's splits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from kdrun.config.schema import Sampler, Train
from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.dataset.paired import Paired
from kdrun.run.side_by_side import Common
from kdrun.transfer import shared_classes
from kdrun.types import Dataset, Loader, Split


@dataclass(frozen=True)
class Loaders:
    """Makes batches of splits, all of one size and on one device.

    Attributes:
        data: whose splits they are.
        augment: of training batches.
        seed: of the run.
        workers: processes that decode files.
        settings: of the loop: size and layout of batches.
        device: where they are.
        views: of each training sample, shown by turns; None for a new one in every epoch.
        own_seed: of the views and their order; None for that of the run.
        common: what runs that are trained side by side share; None for one by itself.
    """

    data: Dataset
    augment: Augment
    seed: int
    workers: int
    settings: Train
    device: torch.device
    views: int | None = None
    own_seed: int | None = None
    common: Common | None = None

    @property
    def view_seed(self) -> int:
        """Of the order of training samples, and of what augmentation draws."""
        return self.seed if self.own_seed is None else self.own_seed

    def __call__(self, split: Split, training: bool = False) -> Loader:
        """Batches of a split: in order and as they are, or as they are trained on."""
        return make_loader(
            split,
            self.settings.batch_size,
            seed=self.view_seed,
            train=training,
            augment=self.augment,
            device=self.device,
            workers=self.workers,
            channels_last=self.settings.channels_last,
            task=self.data.task,
            even=self.settings.sampler is Sampler.balanced,
            views=self.views,
        )

    @cached_property
    def train(self) -> Loader:
        """Training batches."""
        return self._once("train", lambda: self(self.data.train, training=True))

    @cached_property
    def val(self) -> Loader | None:
        """Of the validation split; None without one."""
        return None if self.data.val is None else self(self.data.val)

    def paired(self) -> Loader:
        """Training batches of the target, each with one of the source in the target's classes."""
        assert self.data.source is not None
        train = self.of_source(self.data.source.train)
        return self._once("paired", lambda: Paired(self.train, self(train, training=True)))

    def _once(self, name: str, make: Callable[[], Loader]) -> Loader:
        return make() if self.common is None else self.common.batches(name, make)

    def of_source(self, split: Split) -> Split:
        """A split of the source with the classes of the target; -1 where it has none such."""
        assert self.data.source is not None
        classes = shared_classes(self.data.source.classes, self.data.classes)
        return replace(split, targets=classes[split.targets])
