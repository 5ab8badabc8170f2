"""Tables and sentences for a terminal: fewer columns, then cells of more lines, never cut."""

from __future__ import annotations

import pytest

from kdrun.compare.present import tabulated
from kdrun.terminal.narrow import narrowed, paragraphs
from tests.conftest import QUICK

ROW = {"student": "resnet18", "test_accuracy": "66.16 ± 5.71", "p t": "0.527", "n": "2"}


def test_what_fits_stays_as_it_is():
    assert narrowed([ROW], 80, ["p t"]) == ([ROW], [])


def test_spare_columns_go_first_and_are_named():
    rows, left_out = narrowed([ROW], 30, ["p t", "n"])
    assert (list(rows[0]), left_out) == (["student", "test_accuracy", "n"], ["p t"])


def test_a_long_name_is_folded_where_its_words_are_joined():
    row = {**ROW, "student": "mobilenetv3_small_100-of-somebody"}
    rows, _ = narrowed([row], 40, [])
    lines = tabulated(rows, "table").splitlines()
    assert max(map(len, lines)) <= 40
    assert "66.16 ± 5.71" in "\n".join(lines)
    (text,) = (value for key, value in rows[0].items() if key == "student")
    assert text.replace("\n", "") == row["student"]


@pytest.mark.parametrize("text", ["-6.27", "(+80.45)", "1e-05", "<0.001", "66.16 ± 5.71"])
def test_a_number_is_never_broken(text):
    rows, _ = narrowed([{"a": text}], 1, [])
    assert list(rows[0].values()) == [text]


def test_sentences_go_on_below():
    assert paragraphs("- one two three", 9) == "- one two\n  three"


def test_a_run_and_a_comparison_fit_80_columns(kdrun, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    told = kdrun(*QUICK, "loss=dkd", "train.epochs=2")
    assert max(map(len, told.out.splitlines()[-12:])) <= 80
    kdrun("-m", *QUICK[1:], "method=supervised", "seed=0,1")
    words = ("compare", "outputs/default", "--baseline", "method=supervised")
    told = kdrun(*words)
    assert max(map(len, told.out.splitlines())) <= 80
    assert "--all-columns shows them" in told.out
    assert "p flip" in kdrun(*words, "--all-columns").out.split("\n\n")[1].splitlines()[0]
