from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kdrun.dataset.augment import Augment, to_float
from kdrun.dataset.image_folder import image_folder
from kdrun.dataset.loader import make_loader
from kdrun.task.classification import Classification
from kdrun.types import Arrays, Batch, Loader, Split

FOUR = Classification(("a", "b", "c", "d"))
AUGMENT = Augment(crop_padding=1, flip=True, rotate=10)
Pictures = Callable[..., Arrays]


def train(split: Split, batch_size: int = 5, **options: Any) -> Loader:
    options = {"augment": AUGMENT, "seed": 3, "task": FOUR, **options}
    return make_loader(split, batch_size, train=True, **options)


def by_index(loader: Loader, epoch: int) -> tuple[Tensor, Tensor]:
    """Inputs and targets of an epoch in the order of the split."""
    batches = list(loader.epoch(epoch))
    order = torch.cat([batch.index for batch in batches]).argsort()
    inputs = torch.cat([tensor(batch) for batch in batches])
    return inputs[order], torch.cat([batch.target for batch in batches])[order]


def tensor(batch: Batch) -> Tensor:
    assert isinstance(batch.input, Tensor)
    return batch.input


def same(first: Loader, second: Loader, epoch: int) -> bool:
    pairs = zip(first.epoch(epoch), second.epoch(epoch), strict=True)
    return all(
        torch.equal(tensor(a), tensor(b))
        and torch.equal(a.target, b.target)
        and torch.equal(a.index, b.index)
        for a, b in pairs
    )


@pytest.mark.parametrize("batch_size", [1, 4, 5, 7, 11, 22, 23, 100])
def test_every_sample_comes_once_an_epoch(pictures: Pictures, batch_size: int) -> None:
    loader = train(pictures(), batch_size)
    batches = list(loader.epoch(0))
    assert len(batches) == len(loader)
    assert torch.cat([batch.index for batch in batches]).sort()[0].tolist() == list(range(23))
    assert all(len(b.index) == len(b.target) == len(tensor(b)) for b in batches)
    if batch_size > 1:
        assert all(len(batch.index) > 1 for batch in batches)  # 23 = 2 * 11 + 1 = 22 + 1


def test_an_epoch_is_the_same_whenever_it_is_asked_for(pictures: Pictures) -> None:
    loader = train(pictures())
    for _ in loader.epoch(0):
        break  # as a run that is killed
    list(loader.epoch(1))
    assert same(loader, train(pictures()), 2)
    assert not torch.equal(next(loader.epoch(2)).index, next(loader.epoch(3)).index)
    assert not same(loader, train(pictures(), seed=4), 2)


@pytest.mark.parametrize("mixup", [0.0, 0.5])
def test_a_sample_looks_the_same_in_batches_of_any_size(pictures: Pictures, mixup: float) -> None:
    augment = Augment(crop_padding=1, flip=True, rotate=10, mixup=mixup)
    views = [by_index(train(pictures(), size, augment=augment), 1) for size in (1, 4, 11, 23)]
    for inputs, targets in views[1:]:
        assert torch.equal(inputs, views[0][0])
        assert torch.equal(targets, views[0][1])


def test_the_view_of_a_sample_is_that_of_augment(pictures: Pictures) -> None:
    split = pictures()
    assert isinstance(split.inputs, Tensor)
    found, targets = by_index(train(split), 2)
    assert torch.equal(found, AUGMENT(split.inputs, torch.arange(23), 2, 3))
    assert torch.equal(targets, split.targets)


def test_evaluation_is_in_order_and_unchanged(pictures: Pictures) -> None:
    split = pictures(11)
    assert isinstance(split.inputs, Tensor)
    loader = make_loader(split, 5, seed=0, train=False, augment=AUGMENT)
    batches = list(loader.epoch(9))
    assert [batch.index.tolist() for batch in batches] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10]]
    assert torch.equal(torch.cat([tensor(batch) for batch in batches]), to_float(split.inputs))
    assert len(loader) == 3
    assert torch.equal(loader.targets, split.targets)


@pytest.mark.parametrize("is_train", [True, False])
def test_the_memory_format_changes_no_number(pictures: Pictures, is_train: bool) -> None:
    options: dict[str, Any] = {"seed": 0, "train": is_train, "augment": AUGMENT}
    plain = make_loader(pictures(), 6, **options)
    last = make_loader(pictures(), 6, channels_last=True, **options)
    assert same(plain, last, 1)
    assert all(tensor(batch).is_contiguous() for batch in plain.epoch(0))
    for batch in last.epoch(0):
        assert tensor(batch).is_contiguous(memory_format=torch.channels_last)


def test_mixup_mixes_with_another_sample_of_the_split(pictures: Pictures) -> None:
    split = pictures()
    assert isinstance(split.inputs, Tensor)
    augment = Augment(flip=True, mixup=0.5)
    inputs, targets = by_index(train(split, augment=augment), 4)
    views = Augment(flip=True)(split.inputs, torch.arange(23), 4, 3)
    partners = augment.partners(torch.arange(23), 23, 4, 3)
    weights = augment.mix(torch.cat([torch.ones(23), torch.zeros(23)]), torch.arange(23), 4, 3)
    for n in range(23):
        mixed = views[n] * weights[n] + views[partners[n]] * (1 - weights[n])
        torch.testing.assert_close(inputs[n], mixed)
        label = torch.zeros(4)
        label[split.targets[n]] += weights[n]
        label[split.targets[partners[n]]] += 1 - weights[n]
        torch.testing.assert_close(targets[n], label)


def test_rows_and_dicts_pass_as_they_are() -> None:
    rows = torch.randn(9, 4)
    found, _ = by_index(train(Arrays(rows, torch.arange(9)), augment=Augment()), 0)
    assert torch.equal(found, rows)
    text = Arrays({"ids": torch.arange(18).view(9, 2)}, torch.arange(9))
    for batch in train(text, augment=None).epoch(0):
        assert isinstance(batch.input, dict)
        assert torch.equal(batch.input["ids"], text.inputs["ids"][batch.index])  # type: ignore[index]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"augment": Augment(flip=True)}, "augmentation is for uint8 images"),
        ({"split": Arrays(torch.zeros(0, 2), torch.zeros(0))}, "no samples"),
    ],
)
def test_what_does_not_fit_is_told(options: dict[str, Any], told: str) -> None:
    rows = Arrays(torch.zeros(3, 2), torch.arange(3))
    with pytest.raises(ValueError, match=told):
        train(**{"split": rows, "augment": Augment(), **options})


def test_mixup_without_classes_is_told(pictures: Pictures) -> None:
    with pytest.raises(ValueError, match="mixup needs class labels"):
        train(pictures(), augment=Augment(mixup=1), task=None)


def test_files_give_the_same_batches_with_any_number_of_workers(folder: Path) -> None:
    split = image_folder(str(folder), image_size=12, val_fraction=0).train
    augment = Augment(crop_padding=1, flip=True, mixup=0.3)
    alone, pair = (train(split, augment=augment, workers=n, task=FOUR.over("ab")) for n in (0, 2))
    for _ in pair.epoch(0):
        break  # leaves batches in the queue of the workers
    for epoch in (0, 3):
        assert same(alone, pair, epoch)
    assert torch.cat([b.index for b in pair.epoch(5)]).sort()[0].tolist() == list(range(12))


def test_decoding_leaves_the_global_generator_alone(folder: Path) -> None:
    split = image_folder(str(folder), image_size=12, val_fraction=0).train
    before = torch.get_rng_state()
    list(train(split).epoch(0))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_file_stops_the_epoch_with_its_name_alone(folder: Path, workers: int) -> None:
    split = image_folder(str(folder), image_size=12, val_fraction=0).train
    broken = folder / "train" / "dog" / "3.jpg"  # it breaks after all were looked at
    broken.write_bytes(broken.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"dog/3\.jpg cannot be read as an image") as error:
        list(train(split, workers=workers).epoch(0))
    assert "Traceback" not in str(error.value)


def test_workers_serve_one_epoch_at_a_time(folder: Path) -> None:
    loader = train(image_folder(str(folder), image_size=12, val_fraction=0).train, workers=1)
    first, second = loader.epoch(0), loader.epoch(1)
    next(first)
    next(second)
    with pytest.raises(AssertionError, match="one epoch at a time"):
        list(first)


def test_files_are_cropped_as_they_are_read_whoever_reads_them(folder: Path) -> None:
    split = image_folder(str(folder), image_size=12, val_fraction=0).train
    augment = Augment(resized_crop=0.1, flip=True, cutmix=1.0, mixup=0.2)
    alone, pair = (
        train(split, 5 + 2 * n, augment=augment, workers=n, task=FOUR.over("ab")) for n in (0, 1)
    )
    for epoch in (0, 2):
        (one, labels), (other, theirs) = by_index(alone, epoch), by_index(pair, epoch)
        assert torch.equal(one, other)
        assert torch.equal(labels, theirs)
    assert not torch.equal(by_index(alone, 0)[0], by_index(alone, 1)[0])
    whole = by_index(train(split, augment=Augment(flip=True)), 0)[0]
    assert not torch.equal(by_index(train(split, augment=Augment(resized_crop=0.1)), 0)[0], whole)
