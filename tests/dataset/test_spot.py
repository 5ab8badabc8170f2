"""Loaders say of themselves what they can, and what says nothing can less."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.dataset.paired import Paired
from kdrun.dataset.spot import has_views, is_placed
from kdrun.types import Arrays, Batch, Files, Loader


class Plain:
    """A loader of somebody's own, with batches and no more."""

    targets = torch.zeros(3)

    def __len__(self) -> int:
        return 1

    def epoch(self, epoch: int) -> Iterator[Batch]:
        yield Batch(self.targets, self.targets, torch.arange(3))


def loader(split: Arrays | Files, **more: object) -> Loader:
    return make_loader(split, 5, seed=3, train=True, **more)  # type: ignore[arg-type]


def test_arrays_in_memory_can_be_read_anywhere_and_files_cannot(
    pictures: Callable[..., Arrays],
) -> None:
    assert is_placed(loader(pictures()))
    assert not is_placed(loader(Files(["a.png"] * 3, torch.zeros(3).long(), 8)))
    assert not is_placed(Plain())
    assert is_placed(Paired(loader(pictures()), loader(pictures())))
    assert not is_placed(Paired(loader(pictures()), Plain()))


def test_the_batch_of_a_spot_is_that_of_the_epoch(pictures: Callable[..., Arrays]) -> None:
    own = loader(pictures(), augment=Augment(flip=True, crop_padding=1))
    pair = Paired(own, loader(pictures(7, seed=1)))
    for source in (own, pair):
        assert is_placed(source)
        for epoch in (0, 3):
            for batch, spot in zip(source.epoch(epoch), source.spots(epoch), strict=True):
                made = source.at(spot)
                assert torch.equal(made.input, batch.input)
                assert torch.equal(made.index, batch.index)
                assert (made.source is None) == (source is own)
                if made.source is not None and batch.source is not None:
                    assert torch.equal(made.source.input, batch.source.input)


def test_only_a_loader_that_says_which_view_it_shows_has_views(
    pictures: Callable[..., Arrays],
) -> None:
    own = loader(pictures(), augment=Augment(flip=True), views=2)
    assert has_views(own)
    assert [own.view(epoch) for epoch in range(5)] == [0, 1, 0, 1, 0]
    assert own.complete
    assert not has_views(Plain())
