"""Tokens of texts by pairs of bytes: any text, and no token for what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from kdrun.hub import require
from kdrun.hub.place import local
from kdrun.run.folder import STUDENT

END = "<|endoftext|>"
"""What stands between texts, and after each."""


def trained(texts: Iterable[str], vocabulary: int) -> Any:
    """A byte-level BPE of `tokenizers`, learnt from some texts; the same for the same texts.

    Sennrich, Haddow, Birch, 2016. https://arxiv.org/abs/1508.07909

    Args:
        texts: to learn from.
        vocabulary: how many tokens there are at most, `END` and the 256 bytes among them.

    Raises:
        ValueError: the vocabulary has no room for the bytes, or the library is not installed.
    """
    if vocabulary < 257:
        raise ValueError(f"dataset.vocabulary={vocabulary}: give 257 or more, the bytes and {END}.")
    library = _library()
    tokenizer = library.Tokenizer(library.models.BPE())
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def given(name: str) -> Any:
    """The tokenizer of a folder, of a run of a language model, or of a name on the hub.

    Raises:
        ValueError: there is none.
    """
    require("dataset.tokenizer", name, "tokenizer.json")
    name = local(name)
    library = _library()
    if (Path(name) / STUDENT).is_file():
        return library.Tokenizer.from_str(_of_run(name))
    try:
        file = Path(name) / "tokenizer.json"
        if file.is_file():
            return library.Tokenizer.from_str(file.read_text())
        return library.Tokenizer.from_pretrained(name)
    except Exception as error:  # of a Rust library, without a class of its own
        raise ValueError(f"dataset.tokenizer={name}: {str(error).splitlines()[0]}") from error


def _of_run(name: str) -> str:
    """The tokenizer with which the student of a run reads texts, as JSON."""
    from kdrun.files.checkpoint import read_reader

    told = (read_reader(name) or {}).get("tokenizer")
    if not isinstance(told, str):
        raise ValueError(f"dataset.tokenizer={name} is the run of no language model")
    return told


def token_of(tokenizer: Any, key: str, text: str) -> int:
    """The token that is called so.

    Args:
        tokenizer: that has it.
        key: of the config, for the message.
        text: its name, such as `<pad>`.

    Raises:
        ValueError: there is none.
    """
    token = tokenizer.token_to_id(text)
    if token is None:
        raise ValueError(f"{key}={text} is no token of the tokenizer")
    return int(token)


def end_of(tokenizer: Any) -> int:
    """The token after a text.

    Raises:
        ValueError: there is none.
    """
    for word in (END, "</s>", "[SEP]", "<eos>", "<|im_end|>"):
        if (token := tokenizer.token_to_id(word)) is not None:
            return int(token)
    raise ValueError(
        f"the tokenizer has no token for an end, such as {END}: add one to its tokenizer.json, or "
        "leave dataset.tokenizer=null to train one"
    )


def encoded(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text, nothing before it and nothing after."""
    return [list(one.ids) for one in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def decoded(tokenizer: str, texts: Iterable[Sequence[int]]) -> list[str]:
    """The text of each row of tokens, without its end.

    Args:
        tokenizer: as JSON.
        texts: tokens of each.
    """
    made: list[str] = _restored(tokenizer).decode_batch([list(one) for one in texts])
    return made


def restored(tokenizer: str) -> Any:
    """A tokenizer from its JSON.

    Raises:
        ValueError: it is none.
    """
    try:
        return _restored(tokenizer)
    except Exception as error:  # of a Rust library, without a class of its own
        raise ValueError(f"no tokenizer: {str(error).splitlines()[0]:.200}") from error


@lru_cache(maxsize=2)
def _restored(tokenizer: str) -> Any:
    return _library().Tokenizer.from_str(tokenizer)


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise ValueError("language needs the extra: pip install 'kdrun[text]'") from error
    return tokenizers
