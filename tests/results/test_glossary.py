"""Every column has a meaning, and which way is better is read from there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kdrun
from kdrun.config import catalogue
from kdrun.results import glossary
from kdrun.results.table import COLUMNS
from tests.fabricated import history, record


def test_every_promised_column_is_explained():
    made = record()
    for name in (*COLUMNS, *made["run"], *made["metrics"], *history(0, 0.9)[0]):
        assert glossary.column(name) is not None, name


def test_every_column_that_the_code_measures_is_explained():
    """The names are written out where they are measured: as keys of the rows of a record."""
    text = "".join(
        (Path(kdrun.__file__).parent / name).read_text()
        for name in (
            "score/evaluate.py",
            "teacher/building.py",
            "score/gain.py",
            "task/classification.py",
            "task/confusion.py",
            "task/regression.py",
            "run/scores.py",
            "run/finish.py",
        )
    )
    keys = re.findall(r'"([a-z0-9_]+)": |\["([a-z0-9_]+)"\] = ', text)
    endings = "accuracy|params|ms|load|macs|mb|seconds|second|gain|after|retention|compression|r2"
    found = {a or b for a, b in keys if re.search(rf"_({endings})$", a or b)}
    assert {"student_params", "transfer_gain", "latency_ms", "teacher_val_r2"} <= found
    # Metrics of a task get the name of their split where they are written down.
    known = {name for name in found if glossary.column(name) or glossary.column(f"test_{name}")}
    assert found == known


@pytest.mark.parametrize(
    ("name", "cost", "share", "guess"),
    [
        ("epochs", True, False, False),
        ("test_accuracy", False, True, False),
        ("precision", False, False, True),  # a number format
        ("test_precision", False, True, False),
        ("latency_load", True, False, False),
        ("samples_per_second", False, False, False),
        ("alpha_resnet", False, False, True),
        ("my_seconds", True, False, False),
        ("clean-accuracy", False, True, False),
        ("items", False, False, True),  # not of milliseconds
        ("score", False, False, True),
    ],
)
def test_which_way_is_better(name, cost, share, guess):
    assert glossary.is_cost(name) == cost
    assert glossary.is_share(name) == share
    assert glossary.is_guess(name) == guess


def test_the_list_fits_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert catalogue.main(["columns"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("retention ") for line in lines)
    catalogue.main([])
    assert "columns " in capsys.readouterr().out
