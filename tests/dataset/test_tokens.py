from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kdrun.dataset.loader import make_loader
from kdrun.dataset.text import text
from kdrun.dataset.tokens import Tokens, lengths
from kdrun.types import Arrays
from tests.hugging import TEXTS, tokenizer


def tokenise(texts: Sequence[str], names: str | list[str], length: int) -> dict[str, Tensor]:
    return Tokens.load(names, length)(texts)


@pytest.fixture
def words(tmp_path: Path) -> str:
    tokenizer(tmp_path / "words")
    return str(tmp_path / "words")


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "texts.csv"
    lines = [f'"{text}, number {i}",{("good", "bad")[i % 2]}' for i, text in enumerate(TEXTS * 5)]
    path.write_text("text,label\n" + "\n".join(lines))
    return str(path)


def test_tokens_are_those_of_the_tokenizer(words: str) -> None:
    from transformers import AutoTokenizer

    made = tokenise(TEXTS, words, 128)
    theirs = AutoTokenizer.from_pretrained(words)
    for row, one in enumerate(TEXTS):
        alone = theirs(one)["input_ids"]
        real = made["attention_mask"][row].bool()
        assert made["input_ids"][row][real].tolist() == alone
        assert real.sum() == len(alone)
    assert made["input_ids"].shape[1] == max(len(theirs(one)["input_ids"]) for one in TEXTS)


def test_long_texts_are_cut(words: str) -> None:
    assert tokenise(TEXTS, words, 6)["input_ids"].shape[1] == 6
    assert tokenise([" ".join(TEXTS) * 3], words, 500)["input_ids"].shape[1] == 48  # of the model
    with pytest.raises(ValueError, match="max_length=2: give 3 or more"):
        tokenise(TEXTS, words, 2)


def test_an_end_is_padding_where_there_is_no_other(words: str) -> None:
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(words)
    theirs.pad_token, theirs.eos_token = None, "[SEP]"
    theirs.save_pretrained(words)
    made = tokenise(TEXTS, words, 128)
    assert (made["input_ids"][made["attention_mask"] == 0] == 3).all()


def test_several_tokenizers_lie_side_by_side(words: str, tmp_path: Path) -> None:
    tokenizer(tmp_path / "other", 60)
    other = str(tmp_path / "other")
    made = tokenise(TEXTS, [words, other], 128)
    assert list(made) == [
        f"{name}/{key}" for name in (words, other) for key in ("input_ids", "attention_mask")
    ]
    assert torch.equal(made[f"{other}/input_ids"], tokenise(TEXTS, other, 128)["input_ids"])


def test_a_folder_without_a_tokenizer_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dataset\.tokenizer=.*nothing: there is no such folder"):
        tokenise(TEXTS, str(tmp_path / "nothing"), 128)


def test_tokens_beside_words_and_without(table: str, words: str) -> None:
    rows = text(table)
    both = text(table, tokenizer=words)
    alone = text(table, tokenizer=words, words=False)
    assert isinstance(both.train, Arrays)
    assert isinstance(rows.train, Arrays)
    assert isinstance(alone.train, Arrays)
    assert isinstance(both.train.inputs, dict)
    assert torch.equal(both.train.inputs["x"], rows.train.inputs)  # type: ignore[arg-type]
    assert torch.equal(both.train.targets, rows.train.targets)
    assert isinstance(alone.train.inputs, dict)
    assert list(alone.train.inputs) == ["input_ids", "attention_mask"]
    length = alone.train.inputs["input_ids"].shape[1]
    assert both.shape == {"x": rows.shape, "input_ids": (length,), "attention_mask": (length,)}
    with pytest.raises(ValueError, match="leaves nothing to read"):
        text(table, words=False)


def test_batches_are_as_long_as_their_longest_text() -> None:
    mask = (torch.arange(10) < torch.tensor([3, 10, 2, 4, 1, 5])[:, None]).long()
    inputs = {"x": torch.rand(6, 12), "input_ids": mask * 7, "attention_mask": mask}
    split = Arrays({**inputs, "b/input_ids": mask, "b/attention_mask": mask[:, :4]}, torch.zeros(6))
    found = [batch.input for batch in make_loader(split, 2, seed=0, train=False).epoch(0)]
    assert [value["input_ids"].shape[1] for value in found] == [10, 4, 5]
    assert [value["attention_mask"].shape[1] for value in found] == [10, 4, 5]
    assert [value["b/input_ids"].shape[1] for value in found] == [4, 4, 4]
    assert [value["x"].shape[1] for value in found] == [12, 12, 12]


def test_padding_in_front_is_not_cut() -> None:
    assert lengths(torch.tensor([[0, 1, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]])).tolist() == [3, 4, 1]
