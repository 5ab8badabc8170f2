"""A tree in torch is the one that scikit-learn grows, and its rules are what it does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier

from kdrun.model.sklearn_tree import SklearnTree

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


def test_a_branch_that_ends_early_says_the_same_however_deep_it_is_stored() -> None:
    x, wanted = torch.tensor([[0.0], [1.0]]), torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    tree = SklearnTree(2, 1, depth=4, min_samples_leaf=1)
    assert tree(x).softmax(1).tolist() == [[0.5, 0.5]] * 2  # before it knows anything
    tree.fit(x, wanted, torch.ones(2))
    torch.testing.assert_close(tree(x).softmax(1), wanted)
    far = torch.tensor([[-1e9], [1e9]])
    torch.testing.assert_close(tree(far).softmax(1), wanted)
    assert tree.explain(["x"], ["no", "yes"])["rules.txt"].splitlines() == [
        *("if x <= 0.5:", "    no (90%)", "else:", "    yes (80%)"),
    ]


def test_it_asks_at_least_one_question() -> None:
    with pytest.raises(ValueError, match="depth=0: a tree asks at least one question"):
        SklearnTree(2, 1, depth=0)
