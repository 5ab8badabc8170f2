"""Logistic regression."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kdrun.results.table import Row, to_csv


class Linear(nn.Module):
    """One linear layer on the flattened input, which is also its embedding.

    With cross-entropy it is multinomial logistic regression, in regression least squares.

    Args:
        num_classes: width of the output.
        in_features: numbers in a sample, C·H·W for images.
    """

    head_name = "head"

    def __init__(self, num_classes: int, in_features: int) -> None:
        super().__init__()
        self.head = nn.Linear(in_features, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, …) samples to (N, num_classes) logits."""
        logits: Tensor = self.head(x.flatten(1))
        return logits

    @torch.no_grad()
    def explain(self, columns: Sequence[str], classes: Sequence[str]) -> dict[str, str]:
        """What it learnt, as files: a row a column of the data, and how it speaks for each class.

        Of two classes only the second is told: what counts is the difference of their logits.

        Args:
            columns: names of the numbers in a sample.
            classes: names of the outputs.
        """
        weight, bias = self.head.weight.cpu(), self.head.bias.cpu()
        names = list(classes)
        if len(names) == 2:
            weight, bias, names = weight[1:] - weight[:1], bias[1:] - bias[:1], names[1:]
        rows = [("(intercept)", bias), *zip(columns, weight.T, strict=True)]
        told: list[Row] = [
            {"column": column, **dict(zip(names, map(_short, values.tolist()), strict=True))}
            for column, values in rows
        ]
        return {"coefficients.csv": to_csv(told, leading=["column"])}


def _short(value: float) -> float:
    return float(f"{value:.6g}")
