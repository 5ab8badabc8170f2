"""Texts as rows of TF-IDF, by hand; what was learnt is plain and gives the same bits."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from kdrun.dataset.words import Words

TEXTS = pd.Series(["good good film", "bad film", "good tea", "bad dull tea"])
NEW = ["film film film film", "nothing known", "dull good"]


def test_a_row_weighs_rare_words_more_and_repeated_ones_little() -> None:
    made = Words(9, 1, None).fit(TEXTS)
    vocabulary = ["bad", "dull", "film", "good", "tea"]
    assert made.learnt["vocabulary"] == vocabulary
    texts = [text.split() for text in TEXTS]
    idf = {w: math.log(5 / (1 + sum(w in text for text in texts))) + 1 for w in vocabulary}
    rows = []
    for text in [*texts, *(one.split() for one in NEW)]:
        counts = {w: text.count(w) for w in vocabulary}
        row = [(1 + math.log(n)) * idf[w] if n else 0.0 for w, n in counts.items()]
        length = math.sqrt(sum(value**2 for value in row)) or 1.0
        rows.append([value / length for value in row])
    found = made([*TEXTS, *NEW])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, rows, atol=1e-6)


def test_the_most_frequent_are_kept_and_phrases_are_words_too() -> None:
    assert Words(1, 1, None).fit(TEXTS).learnt["vocabulary"] == ["good"]
    assert "good film" in Words(20, 2, None).fit(TEXTS).learnt["vocabulary"]


@pytest.mark.parametrize("svd", [None, 2])
@pytest.mark.parametrize("ngrams", [1, 2])
def test_what_was_learnt_goes_through_json_and_gives_the_same_bits(
    ngrams: int, svd: int | None
) -> None:
    made = Words(9, ngrams, svd).fit(TEXTS)
    again = Words.restore(json.loads(json.dumps(made.learnt)))
    assert np.array_equal(again(NEW), made(NEW))
    assert made(NEW).shape[1] == (svd or len(made.learnt["vocabulary"]))


def test_mistakes_are_told_by_their_key() -> None:
    for name, given in (
        ("max_features", (0, 1, None)),
        ("ngrams", (1, 0, None)),
        ("svd", (1, 1, 0)),
    ):
        with pytest.raises(ValueError, match=rf"dataset\.{name}=0: give 1 or more"):
            Words(*given)
    with pytest.raises(ValueError, match=r"dataset\.svd=4 is more than .* at most 3"):
        Words(9, 1, 4).fit(TEXTS)
    with pytest.raises(ValueError, match="the training texts hold no words"):
        Words(9, 1, None).fit(pd.Series(["!", "?"]))
