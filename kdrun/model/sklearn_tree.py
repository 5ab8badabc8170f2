"""A decision tree as a network: grown by scikit-learn, answering in torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

LEAST = 1e-6
"""A probability that is kept from zero, so that its logarithm is finite."""


class SklearnTree(nn.Module):
    """A binary tree with a class distribution at each leaf.

    It is stored complete, so that its size does not depend on what it is grown from: node i has
    the children 2i + 1 and 2i + 2, and a branch that ends early always turns left. `fit` grows it
    at once; it is not trained by steps. Breiman, Friedman, Olshen, Stone, 1984.

    Args:
        num_classes: width of the output.
        in_features: numbers in a sample, C·H·W for images.
        depth: the most questions to a leaf.
        min_samples_leaf: the fewest training samples at a leaf.
        seed: of the order in which equally good questions are tried.
    """

    feature: Tensor

    def __init__(
        self,
        num_classes: int,
        in_features: int,
        depth: int = 4,
        min_samples_leaf: int = 5,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth={depth}: a tree asks at least one question")
        self.depth, self.min_samples_leaf, self.seed = depth, min_samples_leaf, seed
        inner = 2**depth - 1
        self.register_buffer("feature", torch.zeros(inner, dtype=torch.int64))
        # scikit-learn compares float32 samples with thresholds in double precision.
        threshold = torch.full((inner,), math.inf, dtype=torch.float64)
        self.threshold = nn.Parameter(threshold, requires_grad=False)
        self.leaf = nn.Parameter(torch.full((inner + 1, num_classes), 1 / num_classes))

    def fit(self, inputs: Tensor, targets: Tensor, weights: Tensor) -> None:
        """Grow the tree towards class distributions.

        Each split takes the most from the squared error of the distributions; where they are
        labels, that is the Gini impurity.

        Args:
            inputs: (N, …) samples.
            targets: (N, C) probabilities.
            weights: (N,) how much each sample counts.
        """
        from sklearn.tree import DecisionTreeRegressor

        grown = DecisionTreeRegressor(
            max_depth=self.depth, min_samples_leaf=self.min_samples_leaf, random_state=self.seed
        )
        grown.fit(inputs.flatten(1).numpy(), targets.numpy(), sample_weight=weights.numpy())
        tree = grown.tree_
        values = torch.from_numpy(tree.value[:, :, 0]).float()
        with torch.no_grad():
            self.threshold.fill_(math.inf)
            places = [(0, 0)]  # a node here, and there
            for here, there in places:
                if tree.children_left[there] >= 0:
                    self.feature[here] = int(tree.feature[there])
                    self.threshold[here] = float(tree.threshold[there])
                    places.append((2 * here + 1, int(tree.children_left[there])))
                    places.append((2 * here + 2, int(tree.children_right[there])))
                elif here >= len(self.feature):
                    self.leaf[here - len(self.feature)] = values[there]
                else:
                    places.append((2 * here + 1, there))

    def forward(self, x: Tensor) -> Tensor:
        """(N, …) samples to (N, num_classes) logits, whose softmax is the leaf's distribution."""
        rows = x.flatten(1)
        # `len` would fix the batch of an exported graph.
        node = torch.zeros(rows.shape[0], dtype=torch.int64, device=rows.device)
        for _ in range(self.depth):
            value = rows.gather(1, self.feature[node, None]).squeeze(1)
            node = 2 * node + 1 + (value > self.threshold[node]).long()
        return self.leaf[node - len(self.feature)].clamp(min=LEAST).log()

    def explain(self, columns: Sequence[str], classes: Sequence[str]) -> dict[str, str]:
        """The questions it asks and what it then says, as text.

        Args:
            columns: names of the numbers in a sample.
            classes: names of the outputs.
        """
        return {"rules.txt": "\n".join(self._rules(0, "", columns, classes)) + "\n"}

    def _rules(
        self, node: int, indent: str, columns: Sequence[str], classes: Sequence[str]
    ) -> Iterator[str]:
        if node >= len(self.feature):
            said = self.leaf[node - len(self.feature)]
            best = int(said.argmax())
            yield f"{indent}{classes[best]} ({said[best]:.0%})"
        elif self.threshold[node].isinf():
            yield from self._rules(2 * node + 1, indent, columns, classes)
        else:
            question = f"{columns[int(self.feature[node])]} <= {self.threshold[node]:.4g}"
            yield f"{indent}if {question}:"
            yield from self._rules(2 * node + 1, indent + "    ", columns, classes)
            yield f"{indent}else:"
            yield from self._rules(2 * node + 2, indent + "    ", columns, classes)
