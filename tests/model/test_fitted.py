"""What is fitted at once says so by having `fit`."""

from __future__ import annotations

from kdrun.model import build
from kdrun.model.fitted import fitted


def test_trees_are_fitted_and_networks_are_trained() -> None:
    tree = {"_target_": "kdrun.model.sklearn_tree.SklearnTree", "depth": 3}
    made = build(tree, num_classes=2, shape=(4,))
    assert fitted(made) is made.net
    linear = build({"_target_": "kdrun.model.linear.Linear"}, num_classes=2, shape=(4,))
    assert fitted(linear) is None
