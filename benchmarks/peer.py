"""Training speed by the command line, beside RepDistiller's own loop and beside a bare one.

Knowledge distillation on random CIFAR-shaped images: crop, flip, batch 64, SGD. Each way has a
process of its own; they take turns, and each says its samples a second without its first epoch.

peer: `helper.loops.train_distill` of RepDistiller, float32, two loader workers.
bare: its networks in the format that `precision=auto` takes, over batches that are ready.
kept: the same with the teacher's answers at hand.
kdrun, kdrun-kept: the command, with a live teacher and with `teacher.cache=logits`.

    git clone https://github.com/HobbitLong/RepDistiller
    python benchmarks/peer.py RepDistiller --pair wrn_40_2 wrn_16_2
    python benchmarks/peer.py RepDistiller --pair resnet32x4 resnet8x4
"""

from __future__ import annotations

import argparse
import csv
import importlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tabulate import tabulate

from kdrun.config.schema import Precision
from kdrun.device import choose_dtype

BATCH, CLASSES, T, EPOCHS = 64, 100, 4.0, 3
KEPT = ("teacher.cache=logits", "dataset.views=1", "dataset.view_seed=0")
WAYS = ("peer", "bare", "kept", "kdrun", "kdrun-kept")


def pixels(samples: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (samples, 32, 32, 3), dtype=np.uint8)
    return images, np.arange(samples) % CLASSES


def networks(pair: list[str]) -> torch.nn.ModuleList:
    """Student and teacher, in the order in which RepDistiller has them."""
    made = importlib.import_module("models").model_dict
    return torch.nn.ModuleList([made[name](num_classes=CLASSES) for name in reversed(pair)])


def sgd(student: torch.nn.Module) -> torch.optim.SGD:
    return torch.optim.SGD(student.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)


class Changed(torch.utils.data.Dataset[Any]):
    """Images as RepDistiller's scripts change them, one by one."""

    def __init__(self, samples: int) -> None:
        from torchvision import transforms

        self.images, self.labels = pixels(samples)
        self.change = transforms.Compose(
            [
                transforms.ToPILImage(),
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5,) * 3, (0.25,) * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int, int]:
        return self.change(self.images[place]), int(self.labels[place]), place


def peer(pair: list[str], samples: int) -> Callable[[], object]:
    loops = importlib.import_module("helper.loops")
    divergence = importlib.import_module("distiller_zoo.KD").DistillKL(T)
    modules = networks(pair)
    loader = torch.utils.data.DataLoader(
        Changed(samples), BATCH, shuffle=True, num_workers=2, persistent_workers=True
    )
    criteria = torch.nn.ModuleList([torch.nn.CrossEntropyLoss(), divergence, divergence])
    words = SimpleNamespace(distill="kd", gamma=0.1, alpha=0.9, beta=0.0, print_freq=10**9)
    optimizer = sgd(modules[0])
    return lambda: loops.train_distill(1, loader, modules, criteria, optimizer, words)


def bare(pair: list[str], samples: int, kept: bool) -> Callable[[], None]:
    student, teacher = networks(pair).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    dtype, optimizer = choose_dtype(Precision.auto, torch.device("cpu")), sgd(student.train())
    x = torch.rand(BATCH, 3, 32, 32).to(memory_format=torch.channels_last)
    y = torch.arange(BATCH) % CLASSES
    teacher.eval()

    def within() -> Any:
        return nullcontext() if dtype is None else torch.autocast("cpu", dtype)

    def answer() -> torch.Tensor:
        with torch.no_grad(), within():
            said: torch.Tensor = teacher(x)
        return said.float()

    at_hand = answer()

    def epoch() -> None:
        for _ in range(samples // BATCH):
            taught = at_hand if kept else answer()
            with within():
                logits = student(x)
            soft = F.kl_div(
                (logits.float() / T).log_softmax(1), (taught / T).softmax(1), reduction="batchmean"
            )
            loss = 0.1 * F.cross_entropy(logits.float(), y) + 0.9 * T * T * soft
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def alone(way: str, pair: list[str], samples: int) -> None:
    """Print the speed of a way of this process."""
    run = peer(pair, samples) if way == "peer" else bare(pair, samples, way == "kept")
    speeds = []
    with redirect_stdout(sys.stderr):  # RepDistiller tells how it goes
        for _ in range(EPOCHS):
            begin = time.perf_counter()
            run()
            speeds.append(samples / (time.perf_counter() - begin))
    print(statistics.median(speeds[1:]))


def by_command(pair: list[str], folder: Path, name: str, *more: str) -> float:
    words = [
        *("method=distill", f"teacher={pair[0]}", f"student={pair[1]}", "loss=kd"),
        *("dataset=npz", f"dataset.path={folder}/data.npz", "dataset.val_fraction=0"),
        *("dataset.augment.crop_padding=4", "dataset.augment.flip=true", "optimizer=sgd"),
        *("scheduler=constant", f"train.epochs={EPOCHS}", f"train.batch_size={BATCH}"),
        *("train.progress=false", "teacher.recipe.epochs=0", f"name={name}", *more),
    ]
    subprocess.run([sys.executable, "-m", "kdrun", *words], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    (table,) = (folder / "outputs" / name).glob("*/metrics.csv")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    return statistics.median(float(row["samples_per_second"]) for row in rows[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", help="of RepDistiller")
    parser.add_argument("--pair", nargs=2, default=["wrn_40_2", "wrn_16_2"])
    parser.add_argument("--samples", type=int, default=768, help="of an epoch, by 64")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--way", choices=WAYS[:3], help="only this one, in this process")
    options = parser.parse_args()
    if options.way:
        sys.path.insert(0, options.checkout)
        alone(options.way, options.pair, options.samples)
    else:
        by_turns(options)


def by_turns(options: argparse.Namespace) -> None:
    """Print a table of all ways."""
    speeds: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as place:
        images, labels = pixels(options.samples + 200)
        parts = {"train": slice(200, None), "test": slice(200)}
        arrays = {f"x_{name}": images[part] for name, part in parts.items()}
        arrays |= {f"y_{name}": labels[part] for name, part in parts.items()}
        np.savez(Path(place) / "data.npz", **arrays)  # type: ignore[arg-type]
        for turn in range(options.rounds):
            for way, found in speeds.items():
                if way.startswith("kdrun"):
                    more = KEPT if way == "kdrun-kept" else ()
                    found.append(by_command(options.pair, Path(place), f"{way}{turn}", *more))
                    continue
                call = [sys.executable, "-W", "ignore", __file__, *sys.argv[1:], "--way", way]
                told = subprocess.run(call, check=True, capture_output=True, text=True)
                found.append(float(told.stdout.split()[-1]))
    base = statistics.median(speeds["peer"])
    rows = [
        (way, statistics.median(s), min(s), max(s), statistics.median(s) / base)
        for way, s in speeds.items()
    ]
    heads = (" → ".join(options.pair), "samples/s", "least", "most", "of peer")
    print(tabulate(rows, heads, tablefmt="github", floatfmt=("", ".0f", ".0f", ".0f", ".2f")))


if __name__ == "__main__":
    main()
