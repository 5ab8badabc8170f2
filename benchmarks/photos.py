"""Random-resized crops and colour jitter: images a second of one core, kdrun's and torchvision's.

    python benchmarks/photos.py

In memory, a batch of 64 at a time; of JPEG files of 500x375 pixels, decoding included, without
workers. Processor time, not wall-clock: what else runs does not count.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from torchvision.transforms import v2

from kdrun.dataset.augment import Augment
from kdrun.dataset.image_folder import image_folder
from kdrun.dataset.loader import make_loader
from kdrun.types import Arrays

BATCH = 64
ROUNDS = 5
JITTER = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4}
RECIPES = {
    "crop and flip": (Augment(resized_crop=0.08, flip=True), []),
    "crop, flip, jitter": (
        Augment(resized_crop=0.08, flip=True, **JITTER),
        [v2.ColorJitter(0.4, 0.4, 0.4)],
    ),
    "crop, flip, TrivialAugment": (
        Augment(resized_crop=0.08, flip=True, policy="trivial"),
        [v2.TrivialAugmentWide()],
    ),
}


def theirs(size: int, more: list[torch.nn.Module]) -> v2.Compose:
    """Torchvision's, of one image."""
    crop = v2.RandomResizedCrop(size, antialias=True)
    return v2.Compose(
        [crop, v2.RandomHorizontalFlip(), *more, v2.ToDtype(torch.float32, scale=True)]
    )


def in_memory(
    size: int, count: int
) -> Iterator[tuple[str, Callable[[], object], Callable[[], object]]]:
    """What kdrun and torchvision do with a batch of images that lie in memory."""
    images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8)
    split = Arrays(images, torch.zeros(count).long())
    for name, (augment, more) in RECIPES.items():
        loader = make_loader(split, BATCH, seed=0, train=True, augment=augment)
        each = theirs(size, more)
        yield (
            f"{size}x{size} in memory, {name}",
            lambda loader=loader: [None for _ in loader.epoch(0)],
            lambda each=each: [torch.stack([each(i) for i in b]) for b in images.split(BATCH)],
        )


def of_files(folder: Path, count: int) -> tuple[str, Callable[[], object], Callable[[], object]]:
    """Likewise of JPEG files, at 224 pixels."""
    draw = np.random.default_rng(0)
    y, x = np.mgrid[0:375, 0:500]
    for number in range(count):
        waves = [np.sin(x / draw.uniform(5, 90) + y / draw.uniform(5, 90)) for _ in range(3)]
        pixels = np.stack(waves, 2) * 90 + 120 + draw.normal(0, 8, (375, 500, 3))
        path = folder / "train" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    (folder / "test").symlink_to(folder / "train")
    split = image_folder(str(folder), image_size=224, val_fraction=0).train
    loader = make_loader(split, BATCH, seed=0, train=True, augment=RECIPES["crop and flip"][0])
    each = transforms.Compose(
        [
            transforms.RandomResizedCrop(224),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
        ]
    )
    usual = DataLoader(datasets.ImageFolder(str(folder / "train"), each), BATCH, shuffle=True)
    return (
        "500x375 JPEG to 224x224, crop and flip",
        lambda: [None for _ in loader.epoch(0)],
        lambda: [None for _ in usual],
    )


def measured(run: Callable[[], object], count: int) -> list[float]:
    """Images a second of processor time, of each round."""
    run()
    found = []
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        found.append(count / (time.process_time() - start))
    return found


def main() -> None:
    torch.set_num_threads(1)
    print("| images | kdrun [1/s] | torchvision [1/s] | ratio |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(job, 512) for job in in_memory(32, 512)]
        jobs += [(job, 128) for job in in_memory(224, 128)]
        jobs.append((of_files(Path(folder), 128), 128))
        for (name, own, other), count in jobs:
            one, two = (sorted(measured(run, count))[ROUNDS // 2] for run in (own, other))
            print(f"| {name} | {one:,.0f} | {two:,.0f} | {one / two:.2f} |", flush=True)


if __name__ == "__main__":
    main()
