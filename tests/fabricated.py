"""Records as runs would leave them, for the tests of what reads them."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from kdrun.results.record import Record, save_record, write_metrics

COST = {"resnet8x4": (1_233_540, 177_000_000), "wrn_16_2": (703_284, 101_000_000)}


def record(seed: int = 0, accuracy: float | None = None, **changes: Any) -> Record:
    """One run of a small sweep. `changes` are columns of its row, or dotted settings."""
    what = {
        "method": "distill",
        "dataset": "digits",
        "source": None,
        "target": None,
        "teacher": "resnet32x4",
        "student": "resnet8x4",
        "transfer": "none",
        "loss": "kd",
        "seed": seed,
        "epochs": 20,
        "precision": "fp32",
        "device": "cpu",
        "commit": "a1b2c3d",
        "test_hash": "9f3c51aa",
        "split": "val_fraction=0.1",
    }
    metrics: dict[str, Any] = {}
    config: dict[str, Any] = {"seed": seed, "optimizer": {"lr": 0.05, "momentum": 0.9}}
    error = changes.pop("error", "")
    for key, value in changes.items():
        if key in what:
            what[key] = value
        elif "." in key or "__" in key:
            group, name = key.replace("__", ".").split(".")
            config.setdefault(group, {})[name] = value
        else:
            metrics[key] = value
    student = str(what["student"])
    for group in ("method", "loss", "student", "teacher"):
        config[group] = {"name": what[group], **config.get(group, {})}
    params, macs = COST.get(student, (50_000, 5_000_000))
    if not error:
        noise = random.Random(f"{what}{config}")
        if accuracy is None:
            accuracy = 0.93 + 0.01 * (what["loss"] == "dkd") + noise.gauss(0, 0.004)
        metrics = {
            "test_accuracy": accuracy,
            "test_nll": 2 * (1 - accuracy),
            "val_accuracy": accuracy + noise.gauss(0, 0.003),
            "teacher_accuracy": 0.971,
            "agreement": accuracy + 0.02,
            "retention": accuracy / 0.971,
            "student_params": params,
            "teacher_params": 7_433_860,
            "compression": 7_433_860 / params,
            "student_macs": macs,
            "latency_ms": macs / 1e8 + abs(noise.gauss(0, 0.02)),
            "train_seconds": 61.5,
            "samples_per_second": 1400.0,
        } | metrics
    settings = [f"{k}{v}" for k, v in changes.items() if k != "test_accuracy"]
    slug = "_".join([student, str(what["loss"]), *settings, f"s{seed}"]).replace("/", "-")
    return Record(
        run_id=slug,
        status="failed" if error else "ok",
        error=error,
        run=what,
        metrics=metrics,
        config=config,
        runtime={"workers": 2},
        versions={"python": "3.11.2", "torch": "2.15.0"},
        started=f"2026-11-21T03:{seed % 60:02d}:00+00:00",
        finished=f"2026-11-21T04:{seed % 60:02d}:00+00:00",
    )


def history(seed: int, best: float, epochs: int = 20) -> list[dict[str, Any]]:
    """What a run logs per epoch: two terms that fall and an accuracy that rises to `best`."""
    noise = random.Random(seed)
    rows = []
    for epoch in range(epochs):
        done = 1 - math.exp(-4 * (epoch + 1) / epochs)
        rows.append(
            {
                "epoch": epoch + 1,
                "loss": 2.5 - 2.2 * done + noise.gauss(0, 0.03),
                "loss_ce": 1.5 - 1.4 * done + noise.gauss(0, 0.02),
                "loss_kd": 1.0 - 0.8 * done + noise.gauss(0, 0.02),
                "val_accuracy": 0.1 + (best - 0.1) * done + noise.gauss(0, 0.006),
                "val_nll": 2.2 - 2.0 * done + noise.gauss(0, 0.02),
                "learning_rate": 0.05 * (1 - epoch / epochs),
                "samples_per_second": 1400 + noise.gauss(0, 30),
            }
        )
    return rows


def save(folder: Path, *records: Record, epochs: int = 0) -> list[Path]:
    """Write each record, and `epochs` rows of metrics, into a folder of its own."""
    paths = []
    for one in records:
        path = folder / one["run_id"]
        path.mkdir(parents=True, exist_ok=True)
        save_record(path, one)
        if epochs and one["status"] == "ok":
            best = one["metrics"]["val_accuracy"]
            write_metrics(path, history(int(one["run"]["seed"] or 0), float(best or 0), epochs))
        paths.append(path)
    return paths
