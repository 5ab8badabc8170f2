"""Chats as prompts and completions, put together by the template of a tokenizer.

A template comes with a tokenizer's files and is data: transformers renders it in a sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kdrun.config.nearest import nearest
from kdrun.dataset.bpe import end_of
from kdrun.dataset.json_lines import read_json_lines
from kdrun.dataset.layout import Layout
from kdrun.dataset.pair_file import Pairs
from kdrun.hub import library, require
from kdrun.hub.place import local

Messages = Sequence[Mapping[str, str]]
"""What was said, in its order: who speaks, `role`, and what, `content`."""

ASSISTANT = "assistant"


class Chat:
    """Puts messages together.

    Args:
        name: of the tokenizer, for messages.
        template: as Jinja.
        special: tokens that it may name, `eos_token` among them.
    """

    def __init__(self, name: str, template: str, special: Mapping[str, str]) -> None:
        from tokenizers import Tokenizer, models

        self.name, self.template, self.special = name, template, dict(special)
        fast: Any = library().PreTrainedTokenizerFast
        self._tokenizer = fast(tokenizer_object=Tokenizer(models.BPE()), **self.special)
        self._tokenizer.chat_template = template

    @classmethod
    def load(cls, name: str | None) -> Chat:
        """The template of a tokenizer.

        Args:
            name: `dataset.tokenizer`, a folder or a name on the hub.

        Raises:
            ValueError: there is none.
        """
        if name is None:
            raise ValueError(
                "dataset.messages are put together by the template of a tokenizer: set "
                "dataset.tokenizer to a folder or a name on the hub that has one"
            )
        require("dataset.tokenizer", name, "tokenizer.json")
        try:
            found: Any = library().AutoTokenizer.from_pretrained(
                local(name), trust_remote_code=False
            )
            template = found.get_chat_template()
        except Exception as error:  # of many classes, some of a Rust library
            told = str(error).splitlines()[0]
            raise ValueError(f"dataset.tokenizer={name} gives no template: {told}") from error
        special = {k: str(v) for k, v in found.special_tokens_map.items() if isinstance(v, str)}
        return cls(name, template, special)

    @property
    def described(self) -> dict[str, Any]:
        """Plain values that give it back."""
        return {"name": self.name, "template": self.template, "special": self.special}

    @classmethod
    def restore(cls, described: Mapping[str, Any]) -> Chat:
        """The chat that was described.

        Raises:
            ValueError: it is none.
        """
        name, template, special = (described.get(key) for key in ("name", "template", "special"))
        texts = [name, template, *(special.values() if isinstance(special, Mapping) else [None])]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"no chat template: {described!r:.80}")
        known = {k: v for k, v in described["special"].items() if str(k).endswith("_token")}
        return cls(described["name"], described["template"], known)

    def layout(self, tokenizer: Any) -> Layout:
        """Where prompts and completions stand: one after the other, as the template has them.

        Args:
            tokenizer: of `tokenizers`.
        """
        end = self.special.get("eos_token")
        token = None if end is None else tokenizer.token_to_id(end)
        return Layout("joined", end_of(tokenizer) if token is None else int(token))

    def asked(self, messages: Messages, where: str) -> str:
        """Some messages, and the beginning of an answer.

        Args:
            messages: the last of them is to be answered.
            where: they are from, for messages.

        Raises:
            ValueError: the template fails.
        """
        return self._rendered(messages, where, True)

    def pair(self, messages: Messages, where: str) -> tuple[str, str]:
        """The prompt and the completion of a chat that ends with an answer.

        Args:
            messages: the last of them is the answer.
            where: they are from, for messages.

        Raises:
            ValueError: the template fails, or does not go on where a prompt ends.
        """
        prompt = self.asked(messages[:-1], where)
        whole = self._rendered(messages, where, False)
        if not whole.startswith(prompt):
            raise ValueError(
                f"{where}: the chat template of {self.name} does not put an answer where it lets "
                "one begin: what is to be learnt cannot be told; mend it, or give prompts and "
                "completions"
            )
        return prompt, whole[len(prompt) :]

    def _rendered(self, messages: Messages, where: str, open_end: bool) -> str:
        try:
            text: str = self._tokenizer.apply_chat_template(
                [dict(one) for one in messages], tokenize=False, add_generation_prompt=open_end
            )
        except Exception as error:  # of Jinja, or of whatever a template does
            told = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(f"{where}: the chat template of {self.name} fails: {told}") from error
        return text


def read_chats(path: str, key: str, chat: Chat, charset: str) -> dict[str, Pairs]:
    """The chats of a file, as `train`: the last message of each is the completion.

    Args:
        path: objects of JSON (.jsonl, .json).
        key: of the messages.
        chat: puts them together.
        charset: the encoding of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a chat is none, or the template fails.
    """
    rows = read_json_lines(path, charset)
    names = [f"{path}, row {number}" for number in range(1, len(rows) + 1)]
    pairs = [
        chat.pair(_messages(row, key, name), name) for row, name in zip(rows, names, strict=True)
    ]
    return {"train": Pairs([one for one, _ in pairs], [other for _, other in pairs], names)}


def _messages(row: Mapping[str, Any], key: str, where: str) -> Messages:
    """The messages of a row.

    Raises:
        ValueError: these are none, or they do not end with an answer.
    """
    if key not in row:
        raise ValueError(f"{where} has no key '{key}': dataset.messages; {nearest(key, list(row))}")
    found = row[key]
    if not isinstance(found, list) or len(found) < 2:
        raise ValueError(f"{where}: '{key}' is no list of two messages or more")
    for number, one in enumerate(found, 1):
        said = [one.get(part) for part in ("role", "content")] if isinstance(one, dict) else [None]
        if not all(isinstance(part, str) for part in said):
            raise ValueError(f"{where}, message {number} has no role and content that are texts")
    if found[-1]["role"] != ASSISTANT or not found[-1]["content"].strip():
        raise ValueError(f"{where} does not end with what the {ASSISTANT} says: drop what follows")
    return found
