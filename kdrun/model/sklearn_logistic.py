"""Logistic regression as scikit-learn solves it."""

from __future__ import annotations

import torch
from torch import Tensor

from kdrun.model.linear import Linear


class SklearnLogistic(Linear):
    """A linear layer whose weights `fit` solves for at once, by maximum likelihood.

        min ½ ‖W‖² + strength · Σₙ wₙ Σₖ −qₙₖ log p(k | xₙ)

    Args:
        num_classes: width of the output.
        in_features: numbers in a sample, C·H·W for images.
        strength: how much the data count against the penalty: scikit-learn's C.
        max_iter: steps of the solver.
    """

    def __init__(
        self, num_classes: int, in_features: int, strength: float = 1.0, max_iter: int = 1000
    ) -> None:
        super().__init__(num_classes, in_features)
        self.strength, self.max_iter = strength, max_iter

    @torch.no_grad()
    def fit(self, inputs: Tensor, targets: Tensor, weights: Tensor) -> None:
        """Solve for the weights.

        A sample with a distribution is one sample of each class, weighted by its probability:
        the likelihood is the same.

        Args:
            inputs: (N, …) samples.
            targets: (N, C) probabilities.
            weights: (N,) how much each sample counts.
        """
        from sklearn.linear_model import LogisticRegression

        classes = targets.shape[1]
        rows = inputs.flatten(1).double().repeat_interleave(classes, dim=0)
        labels = torch.arange(classes).repeat(len(targets))
        shares = (weights[:, None] * targets).flatten()
        counted = shares > 0
        solver = LogisticRegression(C=self.strength, max_iter=self.max_iter)
        solver.fit(rows[counted].numpy(), labels[counted].numpy(), shares[counted].numpy())
        weight, bias = torch.from_numpy(solver.coef_), torch.from_numpy(solver.intercept_)
        if len(weight) == 1:  # of two classes: the difference of the two lines that we keep
            weight, bias = torch.cat([-weight, weight]) / 2, torch.cat([-bias, bias]) / 2
        present = torch.from_numpy(solver.classes_)
        # A class of which there is nothing is never said.
        self.head.weight.zero_()
        self.head.bias.fill_(-30.0)
        self.head.weight[present] = weight.float()
        self.head.bias[present] = bias.float()
