"""Conditions select rows and execute nothing."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdrun.compare.where import where

ROWS = [
    {"student": "resnet18", "seed": 0, "loss": "kd", "optimizer.lr": 0.1, "test_top5": None},
    {"student": "18", "seed": 1, "loss": "kd+at", "optimizer.lr": 0.05, "test_top5": 0.9},
    {"student": "vgg8", "seed": 2, "loss": None, "optimizer.lr": -1, "test_top5": 0.8},
]


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ('student == "resnet18"', [0]),
        ('student != "resnet18"', [1, 2]),
        ('student == "18"', [1]),
        ("student == 18", []),
        ("0 < seed <= 2", [1, 2]),
        ("optimizer.lr >= 0.05 and not seed == 0", [1]),
        ("optimizer.lr == -1", [2]),
        ('student in ["vgg8", "18"] or seed == 0', [0, 1, 2]),
        ("seed not in (0, 1)", [2]),
        ('"kd" in loss', [0, 1]),
        ('"kd" not in loss', [2]),
        ("loss == None", [2]),
        ("test_top5 < 1", [1, 2]),
        ("test_top5", [1, 2]),
        ('  student == "vgg8"\n', [2]),
    ],
)
def test_selects(text, seeds):
    condition = where(text, ROWS[0].keys())
    assert [row["seed"] for row in ROWS if condition(row)] == seeds


@pytest.mark.parametrize(
    "text",
    [
        '__import__("os").system("true")',
        "(lambda: 1)()",
        "student.__class__",
        "[row for row in student]",
        "student[0]",
        'f"{seed}" == "0"',
        "seed + 1 == 2",
        "seed if seed else 1",
        "(x := 1)",
        "b'x' == student",
        "2 ** 99999999999 > seed",
        "*seed",
    ],
)
def test_executes_nothing(text):
    with pytest.raises(ValueError, match=r"not allowed|no column|no condition"):
        where(text, ROWS[0].keys())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('studnet == "vgg8"', "no column 'studnet'; did you mean 'student'"),
        ("student == vgg8", "no column 'vgg8'.*goes in quotes"),
        ("student = 1", "no condition"),
        ("", "no condition"),
        ("(" * 5000, "no condition"),
        ("not " * 5000 + "seed", "no condition|too deeply"),
        ("student\0", "no condition"),
    ],
)
def test_says_what_is_wrong(text, told):
    with pytest.raises(ValueError, match=told):
        where(text, ROWS[0].keys())


@pytest.mark.parametrize(("text", "told"), [("student < 3", "quotes"), ("seed is 0", "'is'")])
def test_what_cannot_be_compared_is_told(text, told):
    condition = where(text, ROWS[0].keys())
    with pytest.raises(ValueError, match=told):
        condition(ROWS[0])


@given(st.text(max_size=40))
def test_any_text_is_a_condition_or_a_value_error(text):
    with suppress(ValueError):
        where(text, ROWS[0].keys())(ROWS[0])
