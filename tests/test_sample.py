"""What a sample looks like, and made-up samples that look so."""

from __future__ import annotations

import json

import pytest
import torch

from kdrun.sample import TOKEN, blank, read_shape, rows_of, rows_shape, shape_of
from kdrun.types import Shape

TEXT: Shape = {"x": (4,), "input_ids": (3,), "bert/attention_mask": (3,)}


def test_a_shape_is_that_of_one_sample_and_survives_json() -> None:
    for shape in (TEXT, (3, 8, 8), (5,)):
        made = blank(shape, 2)
        assert shape_of(made) == shape
        assert read_shape(json.loads(json.dumps(shape))) == shape


def test_of_texts_only_the_rows_are_numbers_and_nothing_is_masked() -> None:
    made = blank(TEXT, 2, make=torch.ones)
    assert isinstance(made, dict)
    assert made["x"].dtype == torch.float32
    assert made["input_ids"].tolist() == [[TOKEN] * 3] * 2
    assert made["bert/attention_mask"].tolist() == [[1] * 3] * 2
    assert made["input_ids"].dtype == made["bert/attention_mask"].dtype == torch.int64


def test_rows_are_what_lies_beside_tokens() -> None:
    x = torch.rand(2, 4)
    assert rows_of(x) is x
    assert rows_of({"input_ids": x, "x": x}) is x
    assert (rows_shape(TEXT), rows_shape((5,)), rows_shape({"input_ids": (3,)})) == ((4,), (5,), ())
    with pytest.raises(ValueError, match=r"the data give only a, b: set dataset\.words=true"):
        rows_of({"a": x, "b": x})
