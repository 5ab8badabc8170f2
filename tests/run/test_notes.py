"""What a reader of the numbers is told: each fault by itself, and one on its way to the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from kdrun import compare, report
from kdrun.loss.weight import parse
from kdrun.run import notes
from kdrun.types import Arrays, Dataset
from tests.conftest import QUICK


@pytest.mark.parametrize(
    ("weight", "epochs", "told"),
    [
        ({"value": 1.0, "warmup": 20}, 3, ["20 epochs", "takes 3", "0.15 of 1"]),
        ({"value": 1.0, "warmup": 20}, 20, []),
        ({"value": 1.0, "warmup": 4, "start": 2}, 5, ["ends at 0.75 of 1"]),
        ({"value": 1.0, "start": 5}, 5, ["never counts", "after 5 epochs"]),
        ({"value": 0.0, "warmup": 9}, 5, []),
        (0.9, 1, []),
        ({"value": 1.0, "warmup": 20}, 0, []),  # nothing is trained
    ],
)
def test_a_warm_up_longer_than_the_training(weight, epochs, told):
    found = list(notes.warmups({"dkd": parse(weight)}, epochs))
    assert bool(found) == bool(told)
    assert all(part in found[0] for part in told)


def test_a_term_that_is_next_to_nothing_of_the_loss_in_the_end():
    rows = [{"loss_ce": 1.0, "loss_kd": 0.5}, {"loss_ce": 1.0, "loss_kd": 0.005}]
    assert [note.split()[0] for note in notes.small_terms(rows)] == ["kd"]
    assert not list(notes.small_terms(rows[:1]))
    assert not list(notes.small_terms(rows, expected={"kd"}))
    assert not list(notes.small_terms([]))


LABELS = torch.tensor([0, 1, 1, -1])


@pytest.mark.parametrize(
    ("metrics", "predicted", "labels", "told"),
    [
        ({"test_accuracy": 0.5}, {"a": 3, "b": 0}, LABELS, "one class, 'a'"),
        ({"test_accuracy": 1.0}, {"a": 3, "b": 0}, torch.zeros(3).long(), ""),
        ({"test_accuracy": 0.5, "teacher_accuracy": 0.4}, {"a": 1, "b": 2}, LABELS, "worse"),
        ({"test_accuracy": 0.5, "teacher_accuracy": 0.5}, {"a": 1, "b": 2}, LABELS, ""),
        ({"test_rmse": 2.0, "teacher_rmse": 3.0}, {}, torch.rand(3), "worse"),
        ({"test_rmse": 2.0, "teacher_rmse": 1.0}, {}, torch.rand(3), ""),
    ],
)
def test_answers_that_are_suspicious(metrics, predicted, labels, told):
    split = Arrays(torch.zeros(len(labels), 1), labels)
    data = Dataset(split, None, split, list(predicted), (1,))
    found = list(notes.answers(metrics, predicted, data))
    assert len(found) == bool(told)
    assert told in "".join(found)


def test_a_loss_that_was_never_there_is_told_before_and_after_and_written_down(kdrun, capsys):
    told = kdrun(*QUICK, "loss=dkd")  # its published warm-up takes 20 epochs
    assert told.status == 0
    assert told.out.index("dkd never has its full weight") < told.out.index("student linear epoch")
    assert "note: dkd never has" in told.out
    (path,) = Path("outputs/default").glob("*/record.json")
    assert any("dkd never has" in note for note in json.loads(path.read_text())["notes"])
    assert "dkd never has" in Path("outputs/default/results.csv").read_text()
    assert report.main(["outputs/default"]) == 0
    assert "dkd never has" in Path("outputs/default/report.html").read_text()
    capsys.readouterr()
    assert compare.main(["outputs/default"]) == 0
    assert "all runs: dkd never has" in " ".join(capsys.readouterr().out.split())
