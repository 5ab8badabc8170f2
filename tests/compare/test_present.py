"""Numbers as a reader, a paper or a program wants them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from kdrun.compare.comparison import Comparison, compare, hold_against
from kdrun.compare.present import (
    flat,
    lines,
    mean_and_std,
    number,
    pivoted,
    present,
    sort,
    summary,
    tabulated,
    title,
)
from kdrun.results.table import Row, Value

METRICS = ["test_accuracy", "student_params", "latency_ms"]


def row(seed: int, loss: Value, accuracy: float | None, student: Value = "a", **more: Value) -> Row:
    what: Row = {"method": "m", "student": student, "loss": loss, "epochs": 3, "seed": seed}
    measured: Row = {"test_accuracy": accuracy, "student_params": 70_000, "latency_ms": 1.5 + seed}
    return {**what, "run_id": f"{loss}{seed}", "status": "ok", **measured, **more}


def found(*rows: Row) -> Comparison:
    own = rows or [
        row(s, n, a + s / 50) for n, a in (("ce", 0.5), ("kd_2", 0.7)) for s in (0, 1, 2)
    ]
    return compare(own, METRICS)


@pytest.mark.parametrize(
    ("metric", "value", "signed", "text"),
    [
        ("test_accuracy", 0.91234, False, "91.23"),
        ("test_accuracy", 0.05, True, "+5.00"),
        ("student_params", 1_233_540.0, False, "1,233,540"),
        ("student_params", 999.5, False, "999.5"),
        ("latency_ms", 0.000123456, False, "0.0001235"),
        ("latency_ms", -1500.4, True, "-1,500"),
        ("latency_ms", None, False, ""),
        ("latency_ms", float("nan"), False, ""),
    ],
)
def test_shares_are_per_cent_and_large_numbers_have_separators(
    metric: str, value: float | None, signed: bool, text: str
) -> None:
    assert number(metric, value, signed) == text


def test_a_spread_is_told_where_there_is_one() -> None:
    line = found().lines[0]
    assert mean_and_std(line, "test_accuracy") == "52.00 ± 2.00"
    assert mean_and_std(line, "student_params") == "70,000"  # it does not vary
    assert mean_and_std(line, "latency_ms") == "2.5 ± 1"
    assert mean_and_std(found(row(0, "ce", 0.5)).lines[0], "test_accuracy") == "50.00"
    equal = found(row(0, "ce", 0.5), row(1, "ce", 0.5)).lines[0]
    assert mean_and_std(equal, "test_accuracy") == "50.00 ± 0.00"
    assert (title("test_accuracy"), title("latency_ms")) == ("test_accuracy [%]", "latency_ms")


def test_what_was_averaged_is_said_in_a_line() -> None:
    head = summary(found()).splitlines()
    assert head[0] == "6 runs in 2 groups, averaged over seed (0, 1, 2)"
    assert head[1] == "apart: loss"
    assert head[2] == "alike: method=m, student=a, epochs=3"
    many = found(*(row(seed, "ce", 0.5) for seed in range(9)))
    assert "seed (0, 1, 2, …, 8)" in summary(many)


def test_a_csv_has_every_number_in_full() -> None:
    comparison = found()
    hold_against(comparison, {"loss": "ce"})
    text, notes = present(comparison, "csv")
    first, second = csv.DictReader(io.StringIO(text))
    assert (first["loss"], first["verdict"], first["pairs"]) == ("ce", "baseline", "0")
    assert float(second["difference"]) == comparison.lines[1].test.mean  # type: ignore[union-attr]
    assert float(second["test_accuracy_std"]) == comparison.lines[1].std["test_accuracy"]
    assert second["baseline"] == "loss=ce"
    assert notes.startswith("- ")


def test_json_is_strict_and_has_the_notes_inside() -> None:
    comparison = found()
    comparison.lines[0].mean["latency_ms"] = float("nan")
    text, notes = present(comparison, "json")
    told: dict[str, Any] = json.loads(text)
    assert notes == ""
    assert told["groups"][0]["latency_ms"] is None
    assert told["notes"] == comparison.notes
    assert told["runs"] == 6


def test_only_a_terminal_has_to_be_fitted() -> None:
    comparison = found()
    hold_against(comparison, {"loss": "ce"})
    wide, _ = present(comparison, "table")
    narrow, _ = present(comparison, "table", width=60)
    assert "p flip" in wide
    assert max(map(len, narrow.splitlines())) <= 60
    assert "not shown: " in narrow
    assert "--all-columns shows them" in " ".join(narrow.split())


def test_a_paper_gets_its_signs_and_a_page_its_names() -> None:
    comparison = found()
    text, notes = present(comparison, "latex")
    assert r"52.00 $\pm$ 2.00" in text
    assert r"kd\_2" in text
    assert notes  # a table has no place for them
    page, notes = present(found(row(0, "<b>", 0.5), row(0, "x|y", 0.6)), "markdown")
    assert "&lt;b&gt;" in page
    assert r"x\|y" in page
    assert notes == ""


def test_columns_of_numbers_are_aligned_right() -> None:
    rows: list[Row] = [{"loss": "kd", "gain": "+1.50"}, {"loss": "longer", "gain": "-12.00"}]
    head, _, first, second = tabulated(rows, "table").splitlines()
    assert head.split() == ["loss", "gain"]
    assert first == "kd       +1.50"
    assert second == "longer  -12.00"


def test_a_pivot_is_a_table_of_two_columns_whose_numbers_stand_in_order() -> None:
    rows = [row(0, "kd", n / 100, student=n) for n in (100, 20, 3)] + [
        row(0, "ce", 0.5, student=20)
    ]
    table = pivoted(compare(rows, METRICS), "loss", "student")
    corner = "test_accuracy [%]: loss \\ student"
    assert table == [
        {corner: "kd", "3": "3.00", "20": "20.00", "100": "100.00"},
        {corner: "ce", "3": "", "20": "50.00", "100": ""},
    ]


def test_the_best_come_first_unless_another_order_is_asked_for() -> None:
    comparison = found()

    def order(key: str) -> list[Value]:
        sort(comparison, key)
        return [line.group.by["loss"] for line in comparison.lines]

    assert order("") == ["kd_2", "ce"]
    assert order("test_accuracy") == ["ce", "kd_2"]
    assert order("-loss") == ["kd_2", "ce"]
    comparison.lines[0].mean["latency_ms"] = None
    assert order("latency_ms") == order("-latency_ms") == ["ce", "kd_2"]  # what is absent, last
    with pytest.raises(
        ValueError, match="no column 'test_acuracy' to sort by; did you mean 'test_a"
    ):
        order("test_acuracy")


def test_a_line_has_columns_for_what_was_asked_alone() -> None:
    comparison = found()
    assert list(lines(comparison)[0]) == [
        *("loss", "test_accuracy [%]", "95 % interval", "n", "student_params", "latency_ms"),
    ]
    assert "on_front" not in flat(comparison.lines[0], comparison)
    comparison.lines[0].on_front = True
    comparison.lines[1].on_front = False
    assert [line["front"] for line in lines(comparison)] == ["*", ""]
