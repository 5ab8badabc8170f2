"""Tokens of texts by pairs of bytes: any text, and no token for what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kdrun.hub import require

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
    """The tokenizer of a folder or of a name on the hub.

    Raises:
        ValueError: there is none, or it has no token for an end.
    """
    require("dataset.tokenizer", name, "tokenizer.json")
    library = _library()
    try:
        file = Path(name) / "tokenizer.json"
        if file.is_file():
            return library.Tokenizer.from_str(file.read_text())
        return library.Tokenizer.from_pretrained(name)
    except Exception as error:  # of a Rust library, without a class of its own
        raise ValueError(f"dataset.tokenizer={name}: {str(error).splitlines()[0]}") from error


def end_of(tokenizer: Any) -> int:
    """The token after a text.

    Raises:
        ValueError: there is none.
    """
    for word in (END, "</s>", "[SEP]", "<eos>", "<|im_end|>"):
        if (token := tokenizer.token_to_id(word)) is not None:
            return int(token)
    raise ValueError(f"the tokenizer has no token for an end, such as {END}")


def encoded(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text, nothing before it and nothing after."""
    return [list(one.ids) for one in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise ValueError("language needs the extra: pip install 'kdrun[text]'") from error
    return tokenizers
