"""`kdrun predict` on tables: names, labels, and what is told beside the table."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_answers_are_named_and_scored(kdrun, task: str) -> None:
    draw = random.Random(0)
    lines = ["who,x,z,label"]
    for i in range(80):
        x = draw.gauss()
        label = x if task == "regression" else "ab"[x > 0]
        lines.append(f"P{i},{x:.3f},{draw.gauss():.3f},{label}")
    Path("t.csv").write_text("\n".join(lines))
    told = kdrun(
        *("dataset=table", "dataset.path=t.csv", "dataset.label=label", f"dataset.task={task}"),
        *("method=supervised", "student=mlp", "train.epochs=3", "train.progress=false"),
    )
    assert told.status == 0, told.err
    (run,) = (file.parent for file in Path("outputs/default").glob("*/student.safetensors"))
    words = ("predict", str(run), "t.csv", "--id", "who", "--labels", "label")
    told = kdrun(*words, "--out", "p.csv")
    assert told.status == 0, told.err
    scores = json.loads(Path("p.scores.json").read_text())
    name = "rmse" if task == "regression" else "accuracy"
    assert f"{name} {scores[name]:.4g}" in told.out
    with Path("p.csv").open() as file:
        found = list(csv.DictReader(file))
    assert [row["who"] for row in found] == [f"P{i}" for i in range(80)]
    if task == "classification":
        right = [row["label"] == row["class"] for row in found]
        assert scores["accuracy"] == pytest.approx(sum(right) / 80)
    else:
        errors = [float(row["label"]) - float(row["value"]) for row in found]
        assert scores["mae"] == pytest.approx(sum(map(abs, errors)) / 80, rel=1e-3)
    Path("new.csv").write_text("x;other\n0,5;1\n")
    told = kdrun("predict", str(run), "new.csv")
    assert told.status == 2
    assert "no column 'z'" in told.err
    told = kdrun("predict", str(run), "new.csv", "--fill-missing")
    assert told.out.startswith("input,")
    assert "columns that are not there count as missing: z" in told.err
    assert "numbers with decimal commas: x" in told.err
    told = kdrun("predict", str(run), "x.npz", "--id", "who")
    assert told.status == 2
    assert "--id is for tables and texts" in told.err
