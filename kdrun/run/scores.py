"""A trained student, written down and measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from kdrun.model import weights
from kdrun.model.features import Network, Student
from kdrun.run.folder import STUDENT
from kdrun.sample import ROWS
from kdrun.score.evaluate import cost, count
from kdrun.score.explain import explain
from kdrun.teacher.building import taught
from kdrun.teacher.network import Frozen
from kdrun.types import Dataset, Loader


def score(
    student: Student,
    role: Mapping[str, Any],
    run_dir: Path,
    data: Dataset,
    test: Loader,
    teacher: Frozen | None,
    batch_size: int,
    device: torch.device,
    cache: Path | None = None,
    val: Loader | None = None,
) -> tuple[dict[str, Any], dict[str, int]]:
    """Read the test split, once, and write weights, pictures and what a student says of itself.

    Args:
        student: trained.
        role: its name and model in the config.
        run_dir: where its files go.
        data: what it was trained on.
        test: batches of the test split.
        teacher: of the run, to be agreed with.
        batch_size: of which latency is measured.
        device: where it is.
        cache: the folder that keeps measurements of latency.
        val: batches of the validation split, of which tables are written too.

    Returns:
        Metrics by column, and how often each class was predicted.
    """
    if isinstance(student, Network):
        student.keep(())
    file = run_dir / STUDENT
    write_weights(file, student, role, data)
    answering = teacher.on("test") if teacher is not None else None
    tally = count(student, test, data.task, answering)
    scores = tally.scores().metrics
    metrics: dict[str, Any] = {data.task.column(name): value for name, value in scores.items()}
    student.eval()
    own = data.task.measured(student, test.epoch(0), run_dir)
    metrics |= {data.task.column(name): value for name, value in own.items()}
    metrics |= cost(student, data.shape, batch_size, device, cache)
    metrics["student_mb"] = file.stat().st_size / 2**20
    if teacher is not None:
        metrics |= taught(teacher, metrics, data, device, cache)
    explain(student, data, run_dir)
    tally.write(run_dir)
    if val is not None:
        count(student, val, data.task).write_validation(run_dir)
    return metrics, tally.predicted()


def write_weights(file: Path, network: Student, role: Mapping[str, Any], data: Dataset) -> None:
    """Write a network's weights with all that rebuilds it, and that reads new files for it.

    Args:
        file: a .safetensors file.
        network: trained.
        role: its name and model in the config.
        data: what it was trained on.
    """
    # Of words and tokens only what it reads: each can be many times its weights.
    reads, told = network.reader.own(data.shape), data.reader
    unread = "tokens" if not isinstance(reads, dict) else "" if ROWS in reads else "words"
    if told is not None and unread in told:
        told = {**told, unread: None}
    name, config, classes = role["name"], role["model"], data.classes
    task = data.task.described
    weights.save(
        file, network, name, config, classes=classes, shape=data.shape, reader=told, task=task
    )
