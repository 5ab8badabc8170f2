"""The bits of some seventy small runs: before and after a change that must change none of them.

Every method, family of loss, strategy, kind of teacher, dataset and export, an epoch each on a CPU
in float32. Written are the SHA-256 of every tensor of weights and every number of record.json and
metrics.csv, except times and memory.

    make golden                                   # writes golden.json
    python benchmarks/golden.py --out after.json --against golden.json
    python benchmarks/golden.py --only kd,dann    # those alone
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SMALL = (
    *("dataset=digits", "dataset.train_size=96", "teacher=resnet14", "student=resnet8"),
    *("teacher.recipe.epochs=1", "train.epochs=1", "train.batch_size=32", "train.precision=fp32"),
    *("train.device=cpu", "train.progress=false"),
)
LOSSES = (
    *("ab", "at", "cc", "ce", "crd", "ctkd", "dist", "dkd", "fitnets", "fsp", "ft", "hidden"),
    *("ickd", "kd", "kdsvd", "mgd", "mlkd", "mse", "nkd", "norm_and_direction", "nst", "ofd"),
    *("pca_hint", "pkt", "review_kd", "rkd", "simkd", "soft_ce", "sp", "tf_kd", "ttm", "vid"),
    *("wsld", "wttm"),
)
SETTINGS: dict[str, tuple[str, ...]] = {  # what a loss or a method needs here
    "crd": ("loss.terms.crd.negatives=64",),
    "ft": ("loss.terms.ft.epochs=1",),
    "fsp": ("student=resnet14",),
    "kdsvd": ("student=resnet14",),
    "stacked": ("student=linear",),
    "simkd": ("teacher.recipe.epochs=2",),
}
METHODS = ("assistant", "born_again", "ema", "mutual", "stacked", "supervised", "tf_kd")
SHIFTED = ("dataset=digits_shifted", "source_model.recipe.epochs=1")
STRATEGIES = (
    *("adabn", "bsp", "cdan", "coral", "dann", "deep_coral", "entropy", "fine_tune"),
    *("freeze_backbone", "jan", "lp_ft", "mcc", "mmd", "pca_mapping", "self_training", "shot"),
    *("source_only", "subspace_alignment", "tca"),
)
TEACHERS = {
    "ensemble": (
        *("teacher=ensemble", "+teacher@teacher.members.a=resnet14"),
        *("+teacher@teacher.members.b=random_forest", "teacher.members.a.recipe.epochs=1"),
    ),
    "random_forest": ("teacher=random_forest",),
    "gradient_boosting": ("teacher=gradient_boosting",),
}
OTHERS: dict[str, tuple[str, ...]] = {
    "several": (
        *("train.epochs=3", "train.ema=0.9", "train.accumulate=2", "train.early_stop=2"),
        *("train.grad_clip=1.0", "optimizer=sgd", "scheduler=cosine", "train.warmup_epochs=1"),
        *("dataset.augment.flip=true", "dataset.augment.rotate=10", "dataset.augment.cutout=2"),
    ),
    "mixup": ("dataset.augment.mixup=0.4",),
    "ramp": ("train.epochs=2", "loss.weights.kd={value: 0.9, warmup: 1.5}"),
    "rows": ("dataset=breast_cancer", "teacher=mlp", "student=linear"),
    "values": ("dataset=diabetes", "teacher=mlp", "student=linear", "loss=mse"),
    "fitted": ("student=sklearn_tree", "loss=soft_ce"),
    "transfer_distill": ("method=transfer_distill", *SHIFTED),
    "cross_domain": ("method=cross_domain", *SHIFTED, "dataset.labels=20"),
}
EXPORTS = ("safetensors", "torch_export")
TIMES = ("seconds", "throughput", "samples_per_second", "latency", "memory", "_mb")


def commands() -> dict[str, tuple[str, ...]]:
    """The runs by name."""
    runs = {f"loss_{name}": (f"loss={name}", *SETTINGS.get(name, ())) for name in LOSSES}
    runs |= {f"method_{name}": (f"method={name}", *SETTINGS.get(name, ())) for name in METHODS}
    for name in STRATEGIES:
        runs[f"transfer_{name}"] = ("method=transfer", f"transfer={name}", *SHIFTED)
    runs |= {f"teacher_{name}": words for name, words in TEACHERS.items()}
    runs |= OTHERS
    # Later words count more, and a group chosen again replaces the one before.
    return {name: _merged(*SMALL, *words) for name, words in runs.items()}


def _merged(*words: str) -> tuple[str, ...]:
    last = {word.partition("=")[0]: word for word in words}
    if last.get("teacher") not in ("teacher=resnet14", "teacher=mlp"):
        last.pop("teacher.recipe.epochs", None)
    return tuple(last.values())


def execute(words: tuple[str, ...], folder: Path) -> str:
    """Run a command line in a copy of this process; empty, or how it failed."""
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.argv = ["kdrun", *words]
        status = 1
        try:
            from kdrun.cli import main

            main()
        except SystemExit as end:
            status = int(end.code or 0)
        finally:
            sys.stdout.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return "" if status == 0 else (folder / "log").read_text()[-400:]


def found(run: Path) -> dict[str, Any]:
    """The digests of a run's weights, and its numbers."""
    from safetensors import safe_open

    told: dict[str, Any] = {}
    for file in sorted(run.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            for name in sorted(tensors.keys()):
                raw = tensors.get_tensor(name).contiguous().numpy().tobytes()
                told[f"{file.stem}/{name}"] = hashlib.sha256(raw).hexdigest()
    record = json.loads((run / "record.json").read_text())
    told |= {f"record/{k}": v for k, v in _numbers(record["metrics"]) if _lasts(k)}
    if (run / "metrics.csv").exists():
        with (run / "metrics.csv").open() as file:
            for row in csv.DictReader(file):
                told |= {f"epoch {row['epoch']}/{k}": v for k, v in row.items() if _lasts(k)}
    return told


def _lasts(name: str) -> bool:
    return not any(part in name for part in TIMES)


def _numbers(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, f"{where}.{key}" if where else key)
    elif isinstance(value, int | float):
        yield where, repr(value)


def exported(run: Path, folder: Path) -> dict[str, str]:
    """The digests of what a run's student becomes elsewhere."""
    told = {}
    for kind in EXPORTS:
        failed = execute(("export", str(run), "--format", kind), folder)
        told[f"export/{kind}"] = failed or "written"
    return told


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What two files differ in; numbers that only one of them has are told once."""
    told = []
    for name in sorted(before.keys() | after.keys()):
        ours, theirs = before.get(name), after.get(name)
        if ours is None or theirs is None:
            told.append(f"{name}: only in the {'second' if ours is None else 'first'}")
            continue
        # An empty cell was not measured: a column that never holds a number may go or come.
        apart = [
            k for k in ours.keys() | theirs.keys() if (ours.get(k) or "") != (theirs.get(k) or "")
        ]
        keys = sorted(apart)
        told += [f"{name} {key}: {ours.get(key)} and {theirs.get(key)}" for key in keys]
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("golden.json"))
    parser.add_argument("--against", type=Path, help="a file of before")
    parser.add_argument("--only", help="names, separated by commas; parts of names will do")
    options = parser.parse_args()

    import kdrun.run.execute
    import kdrun.run.life  # noqa: F401  # once for all copies of this process

    wanted = (options.only or "").split(",")
    runs = {n: w for n, w in commands().items() if any(part in n for part in wanted)}
    told: dict[str, dict[str, Any]] = {}
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for name, words in runs.items():
            failed = execute((*words, f"name={name}"), Path(folder))
            made = sorted(p.parent for p in Path(folder, "outputs", name).glob("*/record.json"))
            told[name] = {"failed": failed} if failed else {}
            for place, run in enumerate(made if not failed else ()):  # mutual makes several
                told[name] |= {f"{place} {key}": value for key, value in found(run).items()}
            if name == "loss_kd":
                told[name] |= exported(made[0], Path(folder))
            print(f"{name:32s} {len(told[name]):4d} {failed}", flush=True)
    options.out.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    tensors = sum(len(str(v)) == 64 for own in told.values() for v in own.values())
    numbers = sum(map(len, told.values())) - tensors
    seconds = time.perf_counter() - begin
    print(f"{len(told)} commands, {tensors} tensors, {numbers} numbers in {seconds:.0f} s")
    if options.against is None:
        return 0
    before = json.loads(options.against.read_text())
    if options.only:
        before = {name: before[name] for name in runs if name in before}
    differs = difference(before, told)
    print("\n".join([*differs[:40], f"{len(differs)} differ" if differs else "all are equal"]))
    return bool(differs)


if __name__ == "__main__":
    sys.exit(main())
