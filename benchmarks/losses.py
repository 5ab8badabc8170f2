"""What a training step costs with each loss, relative to kd, into benchmarks/losses.csv.

A step is all of it: the teacher's forward pass, the student's, the weighted terms of
configs/loss/NAME.yaml, backward and SGD, on one batch of 64 images of 32x32x3 in 100 classes.
`step` is the median, over rounds, of its processor time divided by that of the step with kd right
after it: what else the machine does is in both. resnet32x4 teaches resnet8x4, and where that is no
pair for a loss, one ViT another, or one network for segmentation another, with 8 pictures of 64x64
in 11 classes; kd is then between the same two. Of two detectors, with as many pictures, the step is
relative to that with labels alone, for there is no kd between them.

`backward_mb` is what the term keeps for its backward pass beside the networks' own tensors and its
weights, `state_mb` what its adapters and memories hold (with 50,000 training samples).

    python benchmarks/losses.py --rounds 5
    python benchmarks/losses.py --only jsd,uld      # the other rows stay
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor

from kdrun.config.instantiate import call
from kdrun.config.schema import Precision
from kdrun.device import choose_dtype
from kdrun.loss.ce import CE
from kdrun.loss.weight import Weight, parse
from kdrun.model import build
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.task import Task
from kdrun.task.detection import Detection, stacked
from kdrun.task.segmentation import Segmentation
from kdrun.teacher.network import Frozen
from kdrun.types import Batch, Outputs

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "benchmarks" / "losses.csv"
BATCH, CLASSES, SAMPLES = 64, 100, 50_000
VIT = {"_target_": "kdrun.model.timm.create", "name": "vit_tiny_patch16_224", "patch_size": 4}
PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "resnet32x4-resnet8x4": (
        {"_target_": "kdrun.model.resnet.ResNet", "depth": 32, "widths": [32, 64, 128, 256]},
        {"_target_": "kdrun.model.resnet.ResNet", "depth": 8, "widths": [32, 64, 128, 256]},
    ),
    "vit-vit": (VIT | {"depth": 4}, VIT | {"depth": 2}),
}
FPN = {"_target_": "kdrun.model.fpn.FPN"}
DENSE = (FPN | {"encoder": "resnet18"}, FPN | {"encoder": "mobilenetv3_small_100"})
PIXELS = Segmentation(tuple(map(str, range(11))))
FCOS = {"_target_": "kdrun.model.fcos.FCOS", "width": 64}
DETECTORS = (FCOS | {"encoder": "resnet18"}, FCOS | {"encoder": "mobilenetv3_small_100"})
BOXES = Detection(tuple(map(str, range(10))))


def network(config: dict[str, Any], dtype: torch.dtype | None, task: Task | None) -> Network:
    classes, size = (CLASSES, 32) if task is None else (task.width, 64)
    made = build(config, num_classes=classes, shape=(3, size, size), task=task)
    made.dtype = dtype
    return made.to(memory_format=torch.channels_last)


@dataclass
class Pair:
    """Two networks and a batch that all losses share."""

    teacher: Frozen
    student: Network
    batch: Batch
    targets: Tensor
    task: Task | None

    def keep(self, needs: set[str]) -> None:
        for side in (self.student, self.teacher.network):
            assert isinstance(side, Network)
            side.keep(needs)

    def outputs(self) -> tuple[Outputs, Outputs]:
        return self.student(self.batch), self.teacher(self.batch)


class Steps:
    """Training steps with one loss."""

    def __init__(self, name: str, pair: Pair) -> None:
        config = OmegaConf.to_container(OmegaConf.load(ROOT / "configs" / "loss" / f"{name}.yaml"))
        assert isinstance(config, dict)
        terms = {key: call(term, "loss") for key, term in config.get("terms", {}).items()}
        # Constant: with every warm-up over, and every first stage still on.
        weights = {key: Weight(parse(spec).value) for key, spec in config["weights"].items()}
        self.pair = pair
        self.objective = Objective({"ce": CE(), **terms}, weights, pair.task)
        pair.keep(self.objective.needs)
        self.objective.meet(pair.student, pair.teacher)
        self.objective.build(*pair.outputs(), pair.targets)
        trained = [p for p in self.objective.parameters() if p.requires_grad]
        # At a learning rate of 0 the losses do not spoil the student that they share.
        self.optimizer = torch.optim.SGD([*pair.student.parameters(), *trained], 0.0, momentum=0.9)

    def seconds(self) -> float:
        self.pair.keep(self.objective.needs)
        begin = time.process_time()
        losses = self.objective(*self.pair.outputs(), self.pair.batch)
        self.optimizer.zero_grad()
        sum(losses.values()).backward()
        self.optimizer.step()
        return time.process_time() - begin

    def backward_mb(self) -> float:
        self.pair.keep(self.objective.needs)
        student, teacher = self.pair.outputs()
        outside = {t.untyped_storage().data_ptr() for t in tensors(student, teacher)}
        outside |= {t.untyped_storage().data_ptr() for t in self.objective.state_dict().values()}
        kept: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            losses = self.objective(student, teacher, self.pair.batch)
        assert losses  # alive, so that no storage was used twice
        return sum(size for place, size in kept.items() if place not in outside) / 1e6

    def state_mb(self) -> float:
        return (
            sum(t.nbytes for t in (*self.objective.parameters(), *self.objective.buffers())) / 1e6
        )


def tensors(*outputs: Outputs) -> list[Tensor]:
    fields = [field for output in outputs for field in output if field is not None]
    return [t for field in fields for t in ([field] if isinstance(field, Tensor) else field)]


def steps(names: list[str], pair: Pair) -> dict[str, Steps]:
    """Of the losses that are defined for this pair."""
    made: dict[str, Steps] = {}
    for name in names:
        try:
            made[name] = Steps(name, pair)
        except ValueError as error:
            print(f"{name}: {error}", file=sys.stderr)
    return made


def measure(
    names: list[str], models: tuple[Any, Any], rounds: int, task: Task | None = None
) -> dict[str, dict[str, Any]]:
    torch.manual_seed(0)
    dtype = choose_dtype(Precision.auto, torch.device("cpu"))
    teacher, student = (network(config, dtype, task) for config in models)
    if task is BOXES:
        boxes = [[[n % 10, 4, 8, 28, 32, 0], [3, 20, 20, 60, 50, 0]] for n in range(64)]
        shape, targets = (8, 3, 64, 64), stacked(boxes)
    elif task is None:
        shape, targets = (BATCH, 3, 32, 32), torch.randint(CLASSES, (SAMPLES,))
    else:
        shape, targets = (8, 3, 64, 64), torch.randint(task.width, (64, 64, 64))
    images = torch.rand(shape).to(memory_format=torch.channels_last)
    index = torch.randperm(len(targets))[: shape[0]]
    pair = Pair(Frozen(teacher), student, Batch(images, targets[index], index), targets, task)
    beside = "ce" if task is BOXES else "kd"
    tried = steps([beside, *names], pair)
    for each in tried.values():
        each.seconds()
    kd = tried[beside]
    ratios = [
        {k: each.seconds() / kd.seconds() for k, each in tried.items()} for _ in range(rounds)
    ]
    return {
        name: {
            "step": f"{statistics.median(ratio[name] for ratio in ratios):.2f}",
            "backward_mb": f"{each.backward_mb():.1f}",
            "state_mb": f"{each.state_mb():.1f}",
        }
        for name, each in tried.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="some losses, with commas between them")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    names = sorted(path.stem for path in (ROOT / "configs" / "loss").glob("*.yaml"))
    rows: dict[str, dict[str, Any]] = {}
    if arguments.only:
        with TABLE.open() as file:
            rows = {row["loss"]: row for row in csv.DictReader(file)}
        names = arguments.only.split(",")
        rows = {name: row for name, row in rows.items() if name not in names}
    pairs: dict[str, tuple[tuple[Any, Any], Task | None]] = {
        **{name: (networks, None) for name, networks in PAIRS.items()},
        "fpn_resnet18-fpn_mobilenetv3_small": (DENSE, PIXELS),
        "fcos_resnet18-fcos_mobilenetv3_small": (DETECTORS, BOXES),
    }
    for models, (networks, task) in pairs.items():
        left = [name for name in names if name not in rows]
        if left:
            found = measure(left, networks, arguments.rounds, task)
            rows |= {k: {"loss": k, "pair": models, **v} for k, v in found.items() if k in left}
    with TABLE.open("w", newline="") as file:
        table = csv.DictWriter(file, ["loss", "pair", "step", "backward_mb", "state_mb"])
        table.writeheader()
        table.writerows(rows[name] for name in sorted(rows))
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
