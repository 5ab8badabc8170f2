"""Students that are fitted at once: what they are fitted to, and what they then say."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from kdrun.model import build
from kdrun.model.sklearn_logistic import SklearnLogistic
from kdrun.model.sklearn_tree import SklearnTree
from kdrun.types import Batch

ROWS = torch.randn(300, 5, generator=torch.Generator().manual_seed(0))
LABELS = (ROWS[:, 0] + ROWS[:, 1] ** 2 > 0.5).long() + (ROWS[:, 2] > 1).long()
HARD = torch.nn.functional.one_hot(LABELS).float()
SOFT = (3 * torch.randn(300, 3, generator=torch.Generator().manual_seed(1))).softmax(1)
ONES = torch.ones(300)


@pytest.mark.parametrize("depth", [1, 3, 6])
@pytest.mark.parametrize("leaf", [1, 20])
def test_a_tree_of_labels_is_the_one_that_gini_grows(depth: int, leaf: int) -> None:
    ours = SklearnTree(3, 5, depth, leaf)
    ours.fit(ROWS, HARD, ONES)
    theirs = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=0)
    theirs.fit(ROWS.numpy(), LABELS.numpy())
    expected = torch.from_numpy(theirs.predict_proba(ROWS.numpy())).float()
    torch.testing.assert_close(ours(ROWS).softmax(1), expected, atol=1e-5, rtol=0)


def test_a_leaf_says_the_mean_of_what_it_was_fitted_to() -> None:
    tree = SklearnTree(3, 5, 2, 5)
    weights = torch.rand(300, generator=torch.Generator().manual_seed(2))
    tree.fit(ROWS, SOFT, weights)
    said = tree(ROWS).softmax(1)
    for leaf in said.unique(dim=0):
        here = (said == leaf).all(1)
        mean = (weights[here, None] * SOFT[here]).sum(0) / weights[here].sum()
        torch.testing.assert_close(leaf, mean, atol=1e-4, rtol=0)


def test_the_rules_are_the_tree() -> None:
    tree = SklearnTree(3, 5, 3, 5)
    tree.fit(ROWS, HARD, ONES)
    columns, classes = ["a", "b", "c", "d", "e"], ["cat", "dog", "owl"]
    text = tree.explain(columns, classes)["rules.txt"]
    rules = [(len(line) - len(line.lstrip()), line.split()) for line in text.splitlines()]

    def follow(row: dict[str, float]) -> str:
        """Read the rules as a person would."""
        at = 0
        while rules[at][1][0] in ("if", "else:"):
            depth, (word, *question) = rules[at]
            if word == "if" and not row[question[0]] <= float(question[2].rstrip(":")):
                at = next(i for i in range(at + 1, len(rules)) if rules[i] == (depth, ["else:"]))
            at += 1
        return rules[at][1][0]

    told = [follow(dict(zip(columns, row, strict=True))) for row in ROWS.tolist()]
    said = [classes[i] for i in tree(ROWS).argmax(1).tolist()]
    assert np.mean([a == b for a, b in zip(told, said, strict=True)]) > 0.99  # rounded thresholds


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_of_labels_is_scikit_learns(classes: int) -> None:
    labels = LABELS.clamp(max=classes - 1)
    ours = SklearnLogistic(classes, 5, strength=0.3)
    ours.fit(ROWS, torch.nn.functional.one_hot(labels).float(), ONES)
    theirs = LogisticRegression(C=0.3).fit(ROWS.numpy(), labels.numpy())
    expected = torch.from_numpy(theirs.predict_proba(ROWS.numpy())).float()
    torch.testing.assert_close(ours(ROWS).softmax(1), expected, atol=1e-3, rtol=0)


def test_logistic_regression_of_distributions_has_no_slope_left() -> None:
    ours = SklearnLogistic(3, 5, strength=1e6)
    weights = torch.rand(300, generator=torch.Generator().manual_seed(2))
    ours.fit(ROWS, SOFT, weights)
    loss = torch.nn.functional.cross_entropy(ours(ROWS), SOFT, reduction="none")
    (weights * loss).mean().backward()
    assert ours.head.weight.grad is not None
    assert ours.head.weight.grad.abs().max() < 1e-3


def test_a_class_of_which_there_is_nothing_is_never_said() -> None:
    ours = SklearnLogistic(4, 5)
    ours.fit(ROWS, torch.nn.functional.one_hot(LABELS.clamp(max=1), 4).float(), ONES)
    assert ours(ROWS).softmax(1)[:, 2:].max() < 1e-6


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
