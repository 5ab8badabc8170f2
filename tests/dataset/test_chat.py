"""Chats by a tokenizer's template: what is asked, what is learnt, and what a template breaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kdrun.dataset.bpe import restored, trained
from kdrun.dataset.chat import Chat, read_chats
from kdrun.dataset.new import prompts
from kdrun.dataset.pairs import pairs

transformers = pytest.importorskip("transformers")

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = {"eos_token": "<|im_end|>"}
ASKED = "<|im_start|>user\nwhat is {0}?<|im_end|>\n<|im_start|>assistant\n"


def chats(count: int = 12) -> list[dict[str, Any]]:
    return [
        {
            "messages": [
                {"role": "user", "content": f"what is {n}?"},
                {"role": "assistant", "content": f"it is {n}"},
            ]
        }
        for n in range(count)
    ]


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer with a template, as transformers saves it."""
    made = trained(["what is it? user assistant"], 300)
    made.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    place = tmp_path_factory.mktemp("tokenizer")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=made, **SPECIAL)
    fast.chat_template = TEMPLATE
    fast.save_pretrained(place)
    return place


def test_the_last_answer_is_learnt_and_all_before_it_is_asked(folder: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "chats.jsonl", chats())
    data = pairs(path, messages="messages", tokenizer=str(folder), length=64)
    assert data.reader is not None
    tokenizer: Any = restored(data.reader["tokenizer"])
    end = tokenizer.token_to_id("<|im_end|>")
    assert isinstance(data.train.inputs, dict)  # type: ignore[union-attr]
    texts = set()
    for ids, target in zip(data.train.inputs["input_ids"], data.train.targets, strict=True):  # type: ignore[union-attr]
        said = target[target >= 0].tolist()
        assert said[-1] == end
        first = int((target >= 0).nonzero()[0])
        number = tokenizer.decode(said).removeprefix("it is ")
        asked = tokenizer.decode(ids[: first + 1].tolist(), skip_special_tokens=False)
        assert asked == ASKED.format(number)
        texts.add(number)
    assert len(texts) == len(data.train)

    # A new text is what a user says, by the same template.
    reader = {key: value for key, value in data.reader.items() if key != "_target_"}
    (tmp_path / "new.txt").write_text("what is 3?\n")
    new = prompts(str(tmp_path / "new.txt"), **reader)
    assert isinstance(new.inputs, dict)
    again = tokenizer.decode(new.inputs["input_ids"][0].tolist(), skip_special_tokens=False)
    assert again == ASKED.format(3)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ raise_exception('roles must take turns') }}", "fails: roles must take turns"),
        ("{{ messages[7].content.upper() }}", "fails: "),
        ("{% for m in messages %}", "fails: "),
        ("{{ ''.__class__.__mro__ }}", "fails: .*unsafe"),
        ("{{ messages | length }}", "does not put an answer where it lets one begin"),
    ],
)
def test_a_template_that_fails_is_told(template: str, told: str, tmp_path: Path) -> None:
    path = written(tmp_path / "chats.jsonl", chats(1))
    with pytest.raises(ValueError, match=rf"chats.jsonl, row 1: the chat template of me {told}"):
        read_chats(path, "messages", Chat("me", template, SPECIAL), "utf-8")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"message": []}, "did you mean 'message'"),
        ({"messages": "hello"}, "no list of two messages"),
        ({"messages": [{"role": "user"}] * 2}, "message 1 has no role and content"),
        ({"messages": [{"role": "user", "content": "a"}] * 2}, "does not end with what the assist"),
        (
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": " "},
                ]
            },
            "does not end with what the assistant says",
        ),
    ],
)
def test_a_chat_that_is_none_is_told(row: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = written(tmp_path / "chats.jsonl", [*chats(1), row])
    with pytest.raises(ValueError, match=f"row 2.*{told}"):
        read_chats(path, "messages", Chat("me", TEMPLATE, SPECIAL), "utf-8")


def test_settings_that_do_not_go_together(folder: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "chats.jsonl", chats())
    with pytest.raises(ValueError, match=r"set dataset.tokenizer to a folder"):
        pairs(path, messages="messages")
    with pytest.raises(ValueError, match=r"leave dataset.form=joined"):
        pairs(path, messages="messages", tokenizer=str(folder), form="apart")
    bare = tmp_path / "bare"
    bare.mkdir()
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=trained(["a"], 257))
    made.save_pretrained(bare)
    with pytest.raises(ValueError, match="gives no template: "):
        pairs(path, messages="messages", tokenizer=str(bare))


def test_what_describes_no_chat_is_refused() -> None:
    chat = Chat("me", TEMPLATE, SPECIAL)
    assert Chat.restore(chat.described).described == chat.described
    for wrong in ({}, {**chat.described, "template": 3}, {**chat.described, "special": None}):
        with pytest.raises(ValueError, match="no chat template"):
            Chat.restore(wrong)
