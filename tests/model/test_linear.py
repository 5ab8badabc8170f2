from __future__ import annotations

import pytest
import torch

from kdrun.model.linear import Linear


def told(text: str) -> dict[str, list[float]]:
    header, *rows = [line.split(",") for line in text.splitlines()]
    assert header[0] == "column"
    return {row[0]: [float(cell) for cell in row[1:]] for row in rows}


@pytest.mark.parametrize("classes", [["no", "yes"], ["cat", "dog", "owl"], ["value"]])
def test_coefficients_make_the_same_predictions(classes: list[str]) -> None:
    torch.manual_seed(0)
    network, columns = Linear(len(classes), 4), ["a", "b", "c", "d"]
    table = told(network.explain(columns, classes)["coefficients.csv"])
    assert list(table) == ["(intercept)", *columns]
    x = torch.randn(5, 4)
    logits = torch.tensor(table["(intercept)"]) + x @ torch.tensor([table[c] for c in columns])
    expected = network(x)
    if len(classes) == 2:
        expected = expected[:, 1:] - expected[:, :1]
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)
