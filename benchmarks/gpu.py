"""Speed on a GPU: kdrun's steps, eager and recorded, beside bare loops of the same networks.

Knowledge distillation at batch 64 on 32x32x3 images: crop, flip and normalisation in kdrun's ways,
batches that are ready in the bare ones. The ways take turns in one process; told are samples per
second, medians of rounds, as a Markdown table. In under five minutes:

    python benchmarks/gpu.py
    python benchmarks/gpu.py --rounds 5 --compile false
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from kdrun.config.schema import Precision, Steps, Train
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
from kdrun.parallel.turns import Turn, Turns
from kdrun.run.side_by_side import InStep
from kdrun.teacher.in_common import Desk, InCommon
from kdrun.teacher.network import Frozen
from kdrun.train import Training, train
from kdrun.types import Arrays, Loader

BATCH, CLASSES, T = 64, 100, 4.0
STUDENTS = 8
MEAN, STD = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
WRN, RESNET = "kdrun.model.wrn.WideResNet", "kdrun.model.resnet.ResNet"
PAIRS = {
    "wrn_40_2 → wrn_16_2": (
        {"_target_": WRN, "depth": 40, "width": 2},
        {"_target_": WRN, "depth": 16, "width": 2},
    ),
    "resnet32x4 → resnet8x4": (
        {"_target_": RESNET, "depth": 32, "widths": [32, 64, 128, 256]},
        {"_target_": RESNET, "depth": 8, "widths": [32, 64, 128, 256]},
    ),
}
Round = Callable[[], float]
"""A round of a way: its samples per second."""


def networks(pair: str, device: torch.device, compiled: bool) -> tuple[Network, Network]:
    dtype = choose_dtype(Precision.auto, device)
    made = []
    for seed, config in enumerate(PAIRS[pair]):
        torch.manual_seed(seed)
        one = build(config, num_classes=CLASSES, shape=(3, 32, 32), mean=MEAN, std=STD)
        one.dtype = dtype
        one.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if compiled:
            one.net.compile()
        made.append(one)
    return made[0], made[1]


def sgd(student: Network) -> torch.optim.SGD:
    fused = student.scale.device.type == "cuda"
    return torch.optim.SGD(
        student.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, fused=fused
    )


def objective() -> Objective:
    return Objective({"ce": CE(), "kd": KD(T)}, {"ce": Weight(0.1), "kd": Weight(0.9)})


def loader_of(data: Arrays, device: torch.device) -> Loader:
    return make_loader(
        data, BATCH, seed=0, train=True, augment=Augment(crop_padding=4, flip=True),
        device=device, channels_last=True,
    )  # fmt: skip


def kdrun(pair: str, data: Arrays, device: torch.device, step: Steps, compiled: bool) -> Round:
    teacher, student = networks(pair, device, compiled)
    optimizer = sgd(student)
    constant = torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)
    state = Training(Distill(student, Frozen(teacher), objective()), optimizer, constant)
    loader = loader_of(data, device)

    def once() -> float:
        settings = Train(epochs=state.epoch + 3, progress=False, step=step)
        train(state, loader, settings, 0, lambda student: {}, lambda training: None)
        return statistics.median(float(r["samples_per_second"] or 0) for r in state.history[-2:])

    return once


def side_by_side(pair: str, data: Arrays, device: torch.device, step: Steps) -> Round:
    """Eight students over one teacher, step by step: told are the samples of all a second."""
    loader = InStep(loader_of(data, device), 1)
    desk, states = Desk(Frozen(networks(pair, device, False)[0])), []
    for _ in range(STUDENTS):
        student = networks(pair, device, False)[1]
        optimizer = sgd(student)
        constant = torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)
        method = Distill(student, InCommon(desk), objective())
        states.append(Training(method, optimizer, constant))

    def go_on(state: Training, turn: Turn) -> None:
        settings = Train(epochs=state.epoch + 1, progress=False, step=step)
        train(state, loader, settings, 0, lambda _: {}, lambda _: None, turn=turn)

    def once() -> float:
        begin = time.perf_counter()
        Turns().run([partial(go_on, state) for state in states])
        torch.cuda.synchronize()
        return STUDENTS * len(data) / (time.perf_counter() - begin)

    once()  # graphs are recorded
    return once


def bare(pair: str, data: Arrays, device: torch.device, graph: bool, compiled: bool) -> Round:
    teacher, student = networks(pair, device, compiled)
    student.train()
    teacher.requires_grad_(False).eval()
    optimizer = sgd(student)
    x = torch.randn(BATCH, 3, 32, 32, device=device).contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, CLASSES, (BATCH,), device=device)

    def step() -> None:
        with torch.no_grad(), teacher._autocast(device):
            t = teacher.net(x).float()
        with student._autocast(device):
            s = student.net(x).float()
        log_p, log_q = F.log_softmax(s / T, 1), F.log_softmax(t / T, 1)
        kd = T * T * F.kl_div(log_p, log_q, reduction="batchmean", log_target=True)
        optimizer.zero_grad()
        (0.1 * F.cross_entropy(s, y) + 0.9 * kd).backward()
        optimizer.step()

    turn = recorded(step) if graph else step

    def once() -> float:
        turn()
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for _ in range(len(data) // BATCH):
            turn()
        torch.cuda.synchronize()
        return len(data) // BATCH * BATCH / (time.perf_counter() - begin)

    return once


def recorded(step: Callable[[], None]) -> Callable[[], None]:
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(5):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    held = (step, graph)  # what a graph reads must stay
    return lambda: held[1].replay()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batches", type=int, default=150, help="of an epoch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compile", choices=("true", "false"), default="true")
    options = parser.parse_args()
    device = choose_device("auto")
    if device.type != "cuda":
        print("benchmarks/gpu.py: this machine has no GPU of CUDA")
        return 2
    warnings.simplefilter("ignore")
    r = np.random.default_rng(0)
    size = options.batches * BATCH
    images = torch.from_numpy(r.integers(0, 256, (size, 3, 32, 32), dtype=np.uint8))
    data = Arrays(images, torch.arange(size) % CLASSES)
    rows: dict[str, list[str]] = {}
    for pair in PAIRS:
        ways: dict[str, Round] = {
            "bare eager loop": bare(pair, data, device, False, False),
            "bare, one graph": bare(pair, data, device, True, False),
            "kdrun train.step=eager": kdrun(pair, data, device, Steps.eager, False),
            "kdrun": kdrun(pair, data, device, Steps.auto, False),
            "kdrun, 8 side by side, eager": side_by_side(pair, data, device, Steps.eager),
            "kdrun, 8 side by side": side_by_side(pair, data, device, Steps.auto),
        }
        if options.compile == "true":
            ways["bare, compiled, one graph"] = bare(pair, data, device, True, True)
            ways["kdrun, both compiled"] = kdrun(pair, data, device, Steps.auto, True)
        told: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, once in ways.items():
                told[way].append(once())
        for way, speeds in told.items():
            middle = statistics.median(speeds)
            spread = f"{middle:,.0f} ({min(speeds):,.0f} to {max(speeds):,.0f})"
            rows.setdefault(way, []).append(spread)
            print(f"{pair} {way}: {spread}", file=sys.stderr, flush=True)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, batch {BATCH}\n")
    print(f"| samples/s | {' | '.join(PAIRS)} |\n| --- |{' ---: |' * len(PAIRS)}")
    for way, cells in rows.items():
        print(f"| {way} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
