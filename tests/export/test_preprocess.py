"""What a raw file goes through: plain fields, and a sentence that says the same."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from kdrun.dataset.words import Words
from kdrun.export.preprocess import WORDS, fields, words

HEADER = {"shape": [3, 224, 224], "mean": [0.5] * 3, "std": [0.2] * 3}


@pytest.mark.parametrize(
    ("shape", "reader", "resize", "crop", "said"),
    [
        ([3, 224, 224], {"crop_pct": 0.875}, {"shorter_side": 256}, "centre", "has 256 pixels;"),
        (
            [3, 8, 8],
            None,
            {"fit": [8, 8], "bleed": 0.0},
            None,
            "to the proportions, resized to 8x8",
        ),
        ([1, 6, 9], {"crop_pct": 0.5}, {"fit": [6, 9], "bleed": 0.25}, None, "resized to 9x6"),
        ([3, 8, 9], {"whole": True}, "within", None, "fit into 9x8, at the upper left of black"),
    ],
)
def test_an_image(shape: list[int], reader: Any, resize: Any, crop: Any, said: str) -> None:
    told = fields({**HEADER, "shape": shape}, reader)
    assert (told["size"], told["resize"], told["crop"]) == (shape[1:], resize, crop)
    assert told["colour"] == ("grey" if shape[0] == 1 else "RGB")
    assert told["inside"] == ["normalisation"]
    assert json.loads(json.dumps(told)) == told
    assert said in words(told)
    assert words(told).startswith("turned upright as EXIF says, transparent pixels put on white")


def test_a_table_has_what_its_columns_learnt() -> None:
    learnt: dict[str, Any] = {
        "numeric": [{"name": "age", "fill": 1.0, "mean": 0.0, "scale": 2.0}],
        "categorical": [{"name": "sex", "values": ["f", "m"]}],
    }
    told = fields({"shape": [3]}, {"_target_": "kdrun.dataset.new.rows", "learnt": learnt})
    assert told == {"kind": "table", "learnt": learnt}
    assert words(told).endswith("by their scale: age; a column for each value of categories: sex")


def test_a_text_has_its_vocabulary_and_how_its_words_are_found() -> None:
    import pandas as pd

    learnt = Words(9, 1, None).fit(pd.Series(["a fine book", "a dull book"])).learnt
    reader = {"_target_": "kdrun.dataset.new.texts", "words": learnt, "tokens": {"": "{}"}}
    told = fields({"shape": [3]}, reader)
    assert told["kind"] == "text"
    assert told["words"] == {**learnt, **WORDS}
    vectorizer = Words(9, 1, None)._counter
    assert (vectorizer.lowercase, vectorizer.token_pattern) == (True, WORDS["word"])
    assert (vectorizer.sublinear_tf, vectorizer.norm) == (True, "l2")
    assert "TF-IDF, of length 1, by the vocabulary that lies here beside tokens" in words(told)
    assert np.isclose(np.linalg.norm(Words.restore(learnt)(["fine dull"])), WORDS["length"])


def test_what_no_file_is_read_for_is_read_as_it_is() -> None:
    told = fields({"shape": [5]}, None)
    assert told == {"kind": "tensors"}
    assert words(told) == "as it is"


def test_a_malformed_reader_says_what_it_can() -> None:
    told = fields({"shape": [5]}, {"_target_": "kdrun.dataset.new.rows", "learnt": {"numeric": 3}})
    assert words(told).endswith("categories: none")
