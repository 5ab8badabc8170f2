"""Names from outside stay names: on a page, in a paper, for a program and on a terminal."""

from __future__ import annotations

import json
import math

import pytest

from kdrun.compare import main
from kdrun.compare.markup import markdown, plain
from tests.fabricated import record, save

EVIL = "a|b<img src=x onerror=alert(1)>&amp;\\|*x*\nnext\x1b[2J\u202e_y_ 50%"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("wrn_16_2", "wrn_16_2"),
        ("__init__", r"\_\_init\_\_"),
        ("a|b", r"a\|b"),
        ("a\\|b", r"a\\\|b"),
        ("<b>&lt;", "&lt;b&gt;&amp;lt;"),
        ("[x](y)", r"\[x](y)"),
        ("*", r"\*"),
        ("93.1 ± 0.2", "93.1 ± 0.2"),
    ],
)
def test_markdown_shows_a_text_as_it_is(text, written):
    assert markdown(text) == written


def test_numbers_that_json_does_not_have():
    assert plain({"a": [1, math.nan, (math.inf,)], 2: None}) == {"a": [1, None, [None]], "2": None}


@pytest.fixture
def told(tmp_path, capsys):
    def ask(style):
        runs = [record(s, 0.9, loss=name) for name in (EVIL, "kd") for s in (0, 1)]
        for number, run in enumerate(runs):
            run["run_id"] = str(number)
        save(tmp_path, *runs)
        assert main([str(tmp_path), "--format", style]) == 0
        return capsys.readouterr().out

    return ask


def test_markdown_has_no_markup_of_a_name(told):
    out = told("markdown")
    assert "<" not in out
    table = [line for line in out.splitlines() if line.startswith("|")]
    bars = [line.replace(r"\|", "").count("|") for line in table]
    assert len(table) == 4
    assert len(set(bars)) == 1


def test_latex_escapes_what_is_special(told):
    out = told("latex")
    [line] = [line for line in out.splitlines() if "onerror" in line]
    assert r"\&amp;" in line
    assert r"50\%" in line
    assert r"\_y\_" in line
    assert "<" not in line.replace(r"\ensuremath{<}", "")


def test_json_is_that_of_the_standard_and_has_the_name(told):
    def refuse(name):
        raise ValueError(name)

    answer = json.loads(told("json"), parse_constant=refuse)
    assert EVIL in {group["loss"] for group in answer["groups"]}


def test_a_terminal_gets_visible_characters_only(told):
    out = told("table")
    assert out.replace("\n", "").isprintable()
