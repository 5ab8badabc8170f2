"""Tokens by pairs of bytes: any text comes back, and the same texts give the same tokens."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kdrun.dataset import bpe
from kdrun.dataset.bpe import END, decoded, encoded, end_of, restored, token_of, trained
from kdrun.files.checkpoint import save_student

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


def test_the_tokenizer_of_a_run_is_that_of_its_students_file(tmp_path: Path) -> None:
    made = trained(["some text to learn from"], 260)
    save_student(tmp_path / "student.safetensors", {}, {}, {"tokenizer": made.to_str()})
    assert bpe.given(str(tmp_path)).to_str() == made.to_str()
    save_student(tmp_path / "student.safetensors", {}, {}, {"tokens": {}})
    with pytest.raises(ValueError, match="the run of no language model"):
        bpe.given(str(tmp_path))


def test_texts_come_back_without_their_end() -> None:
    made = trained(["some text to learn from"], 260)
    (tokens,) = encoded(made, ["learn from text"])
    assert decoded(made.to_str(), [[*tokens, end_of(made)]]) == ["learn from text"]
    assert token_of(made, "dataset.start", "<|endoftext|>") == end_of(made)
    with pytest.raises(ValueError, match=r"dataset\.start=<pad> is no token"):
        token_of(made, "dataset.start", "<pad>")
    with pytest.raises(ValueError, match="no tokenizer"):
        restored("{}")
