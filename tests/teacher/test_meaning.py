"""What a row says of each class, against what a reader would write down."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kdrun.teacher.classes import UNKNOWN
from kdrun.teacher.decisions import Table
from kdrun.teacher.meaning import logits, probabilities

PETS = ["cat", "dog", "owl"]


def table(
    kind: str, values: object = None, classes: list[str] | None = None, **columns: object
) -> Table:
    cells = {name: np.array(column) for name, column in columns.items()}
    array = None if values is None else np.array(values, dtype=np.float64)
    length = len(next(iter(cells.values()))) if array is None else len(array)
    return Table(cells, array, kind, classes, np.arange(1, length + 1), length)


def test_a_label_is_certain_or_as_sure_as_it_says() -> None:
    said = probabilities(table("label", label=["dog", "owl"], confidence=[np.nan, 0.5]), PETS)
    assert said.dtype == torch.float64
    assert said.tolist() == [[0, 1, 0], [0.25, 0.25, 0.5]]


def test_numbers_are_classes_where_no_label_is_a_name() -> None:
    assert probabilities(table("label", label=[2, 0]), PETS).argmax(1).tolist() == [2, 0]
    digits = probabilities(table("label", label=["2", "1"]), ["1", "2"])  # and names where one is
    assert digits.argmax(1).tolist() == [1, 0]


def test_probabilities_are_those_given_a_class_of_the_data() -> None:
    said = probabilities(table("probabilities", [[0.2, 0.5, 0.3]], ["owl", "newt", "cat"]), PETS)
    assert said[0, 0].item() == pytest.approx(0.3 / 0.5)
    assert math.isnan(said[0, 1].item())  # nobody asked it about dogs
    assert said[0, 2].item() == pytest.approx(0.2 / 0.5)


def test_logits_are_kept_as_they_were_written_and_are_probabilities_too() -> None:
    given = table("logits", [[1.5, -2.0, 0.25]], ["owl", "cat", "dog"])
    exact = logits(given, PETS)
    assert exact is not None
    assert exact.tolist() == [[-2.0, 0.25, 1.5]]
    weights = [math.exp(value) for value in (-2.0, 0.25, 1.5)]
    expected = [weight / sum(weights) for weight in weights]
    assert probabilities(given, PETS)[0].tolist() == pytest.approx(expected)
    some = logits(table("logits", [[1.5]], ["owl"]), PETS)
    assert some is not None
    assert some.tolist() == [[UNKNOWN, UNKNOWN, 1.5]]
    assert logits(table("label", label=["cat"]), PETS) is None


def test_rounding_of_three_digits_is_no_fault() -> None:
    said = probabilities(table("probabilities", [[0.333, 0.333, 0.3335]], PETS), PETS)
    assert said.sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (table("label", label=["cat", "caat"]), "label of row 2 is 'caat'; did you mean 'cat'"),
        (
            table("label", label=["1", "2", "3"]),
            "label of row 3 is '3'; labels seem to count the 3",
        ),
        (table("label", label=["cat"], confidence=[0.3]), "has between 0.3333 and 1"),
        (table("label", label=["cat"], confidence=[97.0]), "divide percentages by 100"),
        (table("probabilities", [[1, 0, 0]], PETS, confidence=[1.0]), "confidence is for labels"),
        (
            table("probabilities", [[1, 0, 0], [0.6, 0.3, 0]], PETS),
            "row 2 sum to 0.9, .* in 1 rows",
        ),
        (table("probabilities", [[99, 1, 0]], PETS), "outside 0 to 1: they are percentages"),
        (table("probabilities", [[-0.1, -2, -3]], PETS), "logarithms belong in columns logit_NAME"),
        (table("logits", [[1, 2, 3]], ["cat", "2", "owl"]), ""),
        (table("logits", [[1, 2]], ["1", "01"]), "two columns are of one class, among 1, 01"),
    ],
)
def test_what_means_nothing_is_told_with_its_row(given: Table, told: str) -> None:
    if not told:  # one name is enough: the others are of no class of the data
        assert probabilities(given, PETS)[0].isnan().tolist() == [False, True, False]
        return
    with pytest.raises(ValueError, match=told):
        probabilities(given, PETS)
