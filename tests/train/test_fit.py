"""Students that are fitted at once, in whole runs: what is written of them and refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from kdrun.model import build
from kdrun.types import Batch

WORDS = ("dataset=breast_cancer", "teacher=mlp", "train.progress=false", "teacher.recipe.epochs=5")


@pytest.mark.parametrize("student", ["sklearn_tree", "sklearn_logistic"])
def test_a_network_becomes_rules(kdrun, student: str) -> None:
    # A term without weight is not asked.
    soft = ("loss=soft_ce", "loss.terms.soft_ce.temperature=1", "loss.weights.ce=0")
    told = kdrun(*WORDS, f"student={student}", *soft)
    assert told.status == 0, told.err
    (run,) = Path("outputs/default").glob(f"distill_mlp-{student}_*")
    record = json.loads((run / "record.json").read_text())
    assert record["metrics"]["test_accuracy"] > 0.85
    assert record["metrics"]["agreement"] > 0.85
    assert record["metrics"]["val_accuracy"] > 0.8
    assert record["run"]["epochs"] == 1
    text = (run / ("rules.txt" if "tree" in student else "coefficients.csv")).read_text()
    assert "worst" in text
    assert text in told.out
    before = (run / "student.safetensors").read_bytes()
    assert kdrun(*WORDS, f"student={student}", *soft, "rerun=all").status == 0
    assert (run / "student.safetensors").read_bytes() == before
    told = kdrun(*WORDS, f"student={student}", "method=supervised")
    assert told.status == 0, told.err


def test_stages_are_nothing_to_fit_to(kdrun) -> None:
    told = kdrun(*WORDS, "student=sklearn_tree", "loss=dkd")
    assert told.status == 2
    assert "loss.terms.dkd: a student that is fitted at once" in told.err


def test_coefficients_of_a_linear_student_have_the_names_of_columns(kdrun) -> None:
    assert kdrun(*WORDS, "student=linear", "method=supervised", "train.epochs=3").status == 0
    (path,) = Path("outputs/default").glob("supervised_linear*/coefficients.csv")
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert rows[0]["column"] == "(intercept)"
    assert rows[1]["column"] == "mean radius"
    assert set(rows[0]) == {"column", "benign"}
    assert len(rows) == 31


def test_a_tree_answers_images_too() -> None:
    config = {"_target_": "kdrun.model.sklearn_tree.SklearnTree", "depth": 3}
    network = build(config, num_classes=3, shape=(1, 4, 4), mean=[0.5], std=[0.5])
    index = torch.arange(2)
    assert network(Batch(torch.rand(2, 1, 4, 4), index, index)).logits.shape == (2, 3)
