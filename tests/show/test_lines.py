"""Rows, texts and tokens as lines."""

from __future__ import annotations

import torch

from kdrun.show.lines import lines
from kdrun.task.generation import Generation
from kdrun.types import Arrays, Dataset


def test_numbers_have_their_names_and_zeros_are_left_out() -> None:
    split = Arrays(torch.tensor([[0.0, -1.25, 3.0]]), torch.tensor([1]), ids=["row 7"])
    data = Dataset(split, None, split, ["no", "yes"], (3,), columns=("age", "height", "married"))
    assert lines(data, split, [0]) == ["row 7: yes", "  height -1.25, married 3"]


def test_of_many_numbers_the_largest_are_shown() -> None:
    split = Arrays(torch.arange(1, 31).float()[None], torch.tensor([0.5]))
    data = Dataset(split, None, split, [], (30,))
    name, told = lines(data, split, [0])
    assert name == "0: 0.5"
    assert told.startswith("  x29 30, x28 29")
    assert told.endswith("and 18 more of 30")


def test_tokens_that_pad_are_left_out() -> None:
    inputs = {
        "input_ids": torch.tensor([[5, 6, 0]]),
        "attention_mask": torch.tensor([[1, 1, 0]]),
    }
    split = Arrays(inputs, torch.tensor([0]))
    data = Dataset(split, None, split, ["a"], {"input_ids": (3,), "attention_mask": (3,)})
    assert lines(data, split, [0])[1] == "  2 tokens: 5 6"


def test_what_a_language_model_is_to_say_is_readable() -> None:
    from tokenizers import Tokenizer, models

    made = Tokenizer(models.WordLevel({"end": 0, "one": 1, "two": 2, "three": 3}, "end"))
    inputs = {"input_ids": torch.tensor([[1, 2, 3, 0]]), "attention_mask": torch.ones(1, 4).long()}
    split = Arrays(inputs, torch.tensor([[-1, -1, 2, -1]]), task=Generation())  # type: ignore[arg-type]
    reader = {"tokenizer": made.to_str()}
    data = Dataset(split, None, split, [], {"input_ids": (4,)}, reader=reader)
    assert lines(data, split, [0])[:2] == [
        "0: to be said is two",
        "  4 tokens: one|two|three|end",
    ]
