"""Training speed of kdrun's own path, beside a bare loop and beside the usual pipeline.

wrn_40_2 teaches wrn_16_2 by knowledge distillation: batch 64, 32x32x3 images, crop, flip and
normalisation. Three ways take turns in one process, so that a noisy machine is noisy to all:

kdrun: the loop, loader and method that `kdrun method=distill` uses.
bare: the same networks and precision over batches that are ready: nothing but the training step.
usual: torchvision's transforms sample by sample in a DataLoader, and a float32 loop.

    make bench
    python benchmarks/training.py --rounds 9 --precision fp32
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from tabulate import tabulate
from torch import Tensor

from kdrun.config.schema import Precision, Train
from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.device import choose_device, choose_dtype
from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight
from kdrun.method.distill import Distill
from kdrun.model import build
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.score.evaluate import peak_memory_mb
from kdrun.teacher.network import Frozen
from kdrun.train import Training, train
from kdrun.types import Arrays

BATCH, CLASSES, T = 64, 100, 4.0
MEAN, STD = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
Pass = Callable[[], None]
"""One pass over the data."""


def network(depth: int, seed: int, dtype: torch.dtype | None, device: torch.device) -> Network:
    torch.manual_seed(seed)
    config = {"_target_": "kdrun.model.wrn.WideResNet", "depth": depth, "width": 2}
    made = build(config, num_classes=CLASSES, shape=(3, 32, 32), mean=MEAN, std=STD)
    made.dtype = dtype
    return made.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def optimizer(student: Network) -> torch.optim.SGD:
    return torch.optim.SGD(
        student.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True
    )


def kdrun(data: Arrays, dtype: torch.dtype | None, device: torch.device) -> Pass:
    student, teacher = network(16, 0, dtype, device), network(40, 1, dtype, device)
    objective = Objective({"ce": CE(), "kd": KD(T)}, {"ce": Weight(0.1), "kd": Weight(0.9)})
    sgd = optimizer(student)
    constant = torch.optim.lr_scheduler.ConstantLR(sgd, 1.0)
    state = Training(Distill(student, Frozen(teacher), objective), sgd, constant)
    loader = make_loader(
        data, BATCH, seed=0, train=True, augment=Augment(crop_padding=4, flip=True),
        device=device, channels_last=True,
    )  # fmt: skip

    def once() -> None:
        settings = Train(epochs=state.epoch + 1, progress=False)
        train(state, loader, settings, 0, lambda student: {}, lambda training: None)

    return once


def _step(student: Network, teacher: Network, sgd: torch.optim.SGD, x: Tensor, y: Tensor) -> None:
    """The training step as anyone would write it; x is normalised."""
    with torch.no_grad(), teacher._autocast(x.device):
        t = teacher.net(x).float()
    with student._autocast(x.device):
        s = student.net(x).float()
    log_p, log_q = F.log_softmax(s / T, 1), F.log_softmax(t / T, 1)
    kd = T * T * F.kl_div(log_p, log_q, reduction="batchmean", log_target=True)
    loss = 0.1 * F.cross_entropy(s, y) + 0.9 * kd
    sgd.zero_grad()
    loss.backward()
    sgd.step()


def bare(data: Arrays, dtype: torch.dtype | None, device: torch.device) -> Pass:
    student, teacher = network(16, 0, dtype, device), network(40, 1, dtype, device)
    student.train()
    teacher.requires_grad_(False).eval()
    sgd = optimizer(student)
    loader = make_loader(data, BATCH, seed=0, train=False, device=device, channels_last=True)
    with torch.no_grad():
        ready = [(student.normalise(batch.input), batch.target) for batch in loader.epoch(0)]

    def once() -> None:
        for x, y in ready:
            _step(student, teacher, sgd, x, y)

    return once


def usual(data: Arrays, workers: int, device: torch.device) -> Pass:
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    change = transforms.Compose([
        transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(),
        transforms.ToTensor(), transforms.Normalize(MEAN, STD),
    ])  # fmt: skip
    assert isinstance(data.inputs, Tensor)
    pictures, targets = data.inputs.permute(0, 2, 3, 1).numpy(), data.targets.tolist()

    class Pictures(Dataset[tuple[Tensor, int]]):
        def __len__(self) -> int:
            return len(targets)

        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            return change(Image.fromarray(pictures[index])), targets[index]

    student = network(16, 0, None, device).to(memory_format=torch.contiguous_format)
    teacher = network(40, 1, None, device).to(memory_format=torch.contiguous_format)
    student.train()
    teacher.requires_grad_(False).eval()
    sgd = optimizer(student)
    loader = DataLoader(
        Pictures(), BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )

    def once() -> None:
        for x, y in loader:
            _step(student, teacher, sgd, x.to(device), y.to(device))

    return once


def timed(once: Pass, device: torch.device) -> float:
    begin = time.perf_counter()
    once()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begin


def memory(words: list[str]) -> Iterator[tuple[str, float]]:
    """Peak memory of each way alone, in a process of its own."""
    for way in ("kdrun", "bare", "usual"):
        call = [sys.executable, __file__, *words, "--only", way, "--rounds", "1"]
        told = subprocess.run(call, capture_output=True, text=True, check=True).stdout
        yield way, float(told.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=12, help="per round and way")
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=2, help="of the usual way's DataLoader")
    parser.add_argument("--only", choices=["kdrun", "bare", "usual"], help="print its peak memory")
    options = parser.parse_args()
    device = choose_device(options.device)
    dtype = choose_dtype(Precision(options.precision), device)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (BATCH * options.batches, 3, 32, 32), dtype=np.uint8)
    labels = torch.from_numpy(random.integers(0, CLASSES, len(images)))
    data = Arrays(torch.from_numpy(images), labels)
    makers = {
        "kdrun": lambda: kdrun(data, dtype, device),
        "bare": lambda: bare(data, dtype, device),
        "usual": lambda: usual(data, options.workers, device),
    }
    if options.only:
        timed(makers[options.only](), device)
        print(peak_memory_mb(device))
        return
    ways = {name: make() for name, make in makers.items()}
    for once in ways.values():
        once()  # warm up
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, once in ways.items():
            times[name].append(timed(once, device))
    peaks = dict(memory([word for word in sys.argv[1:] if word]))
    rows = []
    for name, taken in times.items():
        ratios = [a / b for a, b in zip(taken, times["kdrun"], strict=True)]
        rows.append({
            "way": name,
            "samples/s": len(images) / statistics.median(taken),
            "kdrun is times as fast": statistics.median(ratios),
            "from": min(ratios),
            "to": max(ratios),
            "peak MB": peaks[name],
            "kdrun needs times the memory": peaks["kdrun"] / peaks[name],
        })  # fmt: skip
    number_format = "bfloat16" if dtype else "float32"
    print(f"wrn_40_2 -> wrn_16_2, batch {BATCH}, {device.type}, {number_format} (usual: float32),")
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, {options.rounds} rounds")
    print(tabulate(rows, headers="keys", floatfmt=".3g"))


if __name__ == "__main__":
    main()
