"""Tokens by pairs of bytes: any text comes back, and the same texts give the same tokens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdrun.dataset.bpe import END, encoded, end_of, trained

pytest.importorskip("tokenizers")
TOKENIZER = trained(["the cat sat on the mat", "the dog sat"] * 10, 280)


@given(text=st.text(max_size=40))
@settings(max_examples=50, deadline=None)
def test_any_text_comes_back(text: str) -> None:
    text = text.replace("\0", "")
    (tokens,) = encoded(TOKENIZER, [text])
    assert TOKENIZER.decode(tokens, skip_special_tokens=False) == text or END in text


def test_pairs_are_learnt_and_the_end_is_a_token() -> None:
    (tokens,) = encoded(TOKENIZER, ["the cat"])
    assert len(tokens) < len("the cat")
    assert end_of(TOKENIZER) == TOKENIZER.token_to_id(END)
    again = trained(["the cat sat on the mat", "the dog sat"] * 10, 280)
    assert encoded(again, ["a new dog"]) == encoded(TOKENIZER, ["a new dog"])


def test_a_vocabulary_without_room_for_bytes_is_told() -> None:
    with pytest.raises(ValueError, match="257 or more"):
        trained(["a"], 200)
