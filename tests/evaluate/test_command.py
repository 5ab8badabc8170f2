"""`kdrun evaluate`, typed."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "evaluations.csv").open() as file:
        return list(csv.DictReader(file))


def trained(kdrun, *words: str) -> Path:
    told = kdrun(*words, "method=supervised", "train.epochs=1", "train.progress=false")
    assert told.status == 0, told.err
    (run,) = (file.parent for file in Path("outputs/default").glob("*/student.safetensors"))
    return run


def test_own_and_other_data_by_domain(kdrun) -> None:
    run = trained(kdrun, "student=linear")
    told = kdrun("evaluate", str(run))
    assert told.status == 0, told.err
    metrics = json.loads((run / "record.json").read_text())["metrics"]
    (own,) = rows(run)
    assert own["data"] == "test split"
    assert float(own["accuracy"]) == pytest.approx(metrics["test_accuracy"])
    assert float(own["nll"]) == pytest.approx(metrics["test_nll"])
    assert float(own["accuracy_low"]) < float(own["accuracy"]) < float(own["accuracy_high"])
    words = ("dataset=digits_shifted", "dataset.source=plain", "dataset.target=inverted")
    told = kdrun("evaluate", str(run), *words)
    assert told.status == 0, told.err
    assert "are among those that the student was trained on" in told.err
    found = {row["domain"]: row for row in rows(run)[1:]}
    assert found.keys() == {"", "plain", "inverted"}
    assert float(found["plain"]["accuracy"]) > float(found["inverted"]["accuracy"])
    assert "inverted: " in told.out
    assert "\n  accuracy " in told.out
    for mistake, hint in (
        (["dataset=digits_shiftd"], "did you mean 'digits_shifted'"),
        (["dataset=digits_shifted", "dataset.target=nosy"], "did you mean 'noisy'"),
        (["dataset=digits", "student=mlp"], "'student=mlp' says nothing of data"),
        (["digits"], "dataset=digits"),
    ):
        told = kdrun("evaluate", str(run), *mistake)
        assert told.status == 2
        assert hint in told.err, told.err
    told = kdrun("evaluate", f"{str(run)[:-1]}", "digits")
    assert told.status == 2
    assert f"did you mean '{run.name}'" in told.err


def test_a_table_with_labels_and_domains(kdrun) -> None:
    draw = random.Random(0)
    lines = ["x,label,place"]
    for i in range(60):
        x = draw.gauss()
        lines.append(f"{x:.3f},{'ab'[x > 0]},{'uv'[i % 2]}")
    Path("t.csv").write_text("\n".join(lines))
    words = ("dataset=table", "dataset.path=t.csv", "dataset.label=label", "dataset.drop=[place]")
    run = trained(kdrun, *words, "student=mlp")
    told = kdrun("evaluate", str(run), "t.csv", "--labels", "label", "--domain", "place")
    assert told.status == 0, told.err
    assert [(row["domain"], row["samples"]) for row in rows(run)] == [
        ("", "60"),
        ("u", "30"),
        ("v", "30"),
    ]
    told = kdrun("evaluate", str(run), "t.csv")
    assert told.status == 2
    assert "Give --labels COLUMN" in told.err
    told = kdrun("evaluate", str(run), "t.csv", "--labels", "lable")
    assert told.status == 2
    assert "label" in told.err
    assert kdrun("evaluate", str(run)).status == 0
