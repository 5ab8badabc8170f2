"""Between the source's weights and the fine-tuned ones."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from kdrun.files.checkpoint import load_weights
from kdrun.model.features import Network
from kdrun.results.table import Row
from kdrun.transfer.merge import Merge
from tests.transfer.test_arithmetic import same
from tests.transfer.test_fine_tune import BASE, WORDS
from tests.transfer.test_freeze_backbone import IMAGES, LABELS, load, network, outputs
from tests.transfer.test_freeze_backbone import source as of_other_classes
from tests.transfer.trial import logistic

QUICK = (*BASE, "student=mlp", "train.epochs=1", "dataset.val_fraction=0.2")


def merge(**options: object) -> Merge:
    given = {"coefficients": [0, 0.5, 1], "classifier": logistic(), "regressor": Ridge()}
    return Merge(**{**given, **options})  # type: ignore[arg-type]


def test_the_best_coefficient_on_the_validation_split_is_taken() -> None:
    strategy = merge()
    student = strategy(network(), of_other_classes(network()), load(LABELS))
    origin = outputs(student)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.mul_(1.1)
    tuned = outputs(student)
    seen: list[Tensor] = []

    def measure(student: nn.Module) -> Row:
        assert isinstance(student, Network)
        seen.append(outputs(student))
        return {"val_accuracy": [0.5, 0.7, 0.6][len(seen) - 1]}

    rows = strategy.finish(student, measure)
    assert torch.equal(seen[0], origin)
    assert torch.equal(seen[2], tuned)
    assert [(row["coefficient"], row["val_accuracy"]) for row in rows] == [
        (0, 0.5),
        (0.5, 0.7),
        (1, 0.6),
    ]
    assert torch.equal(outputs(student), seen[1])
    assert strategy.report["coefficient"] == 0.5


@pytest.mark.parametrize(("coefficient", "taken"), [(None, 0.5), (0.25, 0.25)])
def test_without_a_validation_split_it_is_half_or_as_given(
    coefficient: float | None, taken: float
) -> None:
    strategy = merge(coefficient=coefficient, coefficients=[0, 1])
    student = strategy(network(), of_other_classes(network()), load(LABELS))
    strategy.finish(student, lambda student: {"val_accuracy": None})
    assert strategy.report["coefficient"] == taken
    assert len(IMAGES) == 90


def test_a_run_writes_a_row_for_each_coefficient_and_its_ends_are_source_and_tuned(kdrun) -> None:  # type: ignore[no-untyped-def]
    words = (*QUICK, "transfer=merge")
    assert kdrun(*words).status == 0
    (run,) = Path("outputs/default").glob("transfer_*")
    with (run / "merge.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["coefficient"]) for row in rows] == [0, 0.25, 0.5, 0.75, 1]
    assert list(rows[0]) == ["coefficient", "val_accuracy", "val_nll", "source_accuracy"]
    assert all(row["val_accuracy"] and row["source_accuracy"] for row in rows)
    best = max(float(row["val_accuracy"]) for row in rows)
    record = json.loads((run / "record.json").read_text())
    assert record["metrics"]["val_accuracy"] == best
    (model,) = Path("outputs/cache/teacher").glob("source_*")
    ends = []
    for coefficient in (0, 1):
        told = kdrun(*words, f"name={coefficient}", f"transfer.coefficient={coefficient}")
        assert f"coefficient {coefficient}: as given" in told.out
        (run,) = Path("outputs", str(coefficient)).glob("transfer_*")
        ends.append(load_weights(run))
    assert kdrun(*QUICK, "transfer=fine_tune", "name=tuned").status == 0
    (tuned,) = Path("outputs/tuned").glob("transfer_*")
    assert same(ends[0], load_weights(model))
    assert same(ends[1], load_weights(tuned))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("transfer=merge", "transfer.coefficient=1.5"), "give numbers from 0, the source, to 1"),
        (("transfer=merge", "transfer.coefficients=[-1]"), "transfer.coefficients=[-1]"),
        (("transfer=merge", "transfer.head=reset"), "transfer.head=reset is not defined"),
    ],
)
def test_mistakes_end_with_two_and_one_message(  # type: ignore[no-untyped-def]
    kdrun, words: tuple[str, ...], told: str
) -> None:
    ended = kdrun(*WORDS, *words)
    assert ended.status == 2
    assert told in ended.err
    assert "Traceback" not in ended.err
