"""ROUGE-L against a slow count, numbers by hand, and rouge_score where that is installed."""

from __future__ import annotations

import random

import pytest

from kdrun.task.rouge import common, rouge_l


def slowly(one: list[str], other: list[str]) -> int:
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            longer = max(table[i][j + 1], table[i + 1][j])
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else longer
    return table[-1][-1]


def texts(count: int) -> list[list[str]]:
    drawn = random.Random(0)
    return [drawn.choices("abcde", k=drawn.randint(0, 90)) for _ in range(count)]


def test_the_longest_common_subsequence_is_that_of_the_table() -> None:
    for one, other in zip(texts(40), reversed(texts(40)), strict=True):
        assert common(one, other) == slowly(one, other)


def test_numbers_by_hand() -> None:
    assert rouge_l(["police kill the gunman"], ["police killed the gunman"]) == pytest.approx(0.75)
    assert rouge_l(["the gunman police"], ["police killed the gunman"]) == pytest.approx(4 / 7)
    assert rouge_l(["The cat."], ["the CAT"]) == 1
    assert rouge_l(["", "a"], ["a", ""]) == 0
    assert rouge_l([], []) == 0


def test_it_is_that_of_rouge_score() -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    said = [" ".join(words) for words in texts(30)]
    said += ["Über den Fluß, 3.5 km", "it's a dog's life", "ÄÖÜ"]
    wanted = [*reversed(said)]
    own = [scorer.score(b, a)["rougeL"].fmeasure for a, b in zip(said, wanted, strict=True)]
    assert rouge_l(said, wanted) == pytest.approx(sum(own) / len(own))
