"""Plain text, to be continued: for language models."""

from __future__ import annotations

from kdrun.dataset.charset import read_text
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.pieces import divided, pieces
from kdrun.types import Dataset


@with_cuts(test_fraction=0.1)
def lines(
    path: str,
    length: int = 128,
    vocabulary: int = 1024,
    tokenizer: str | None = None,
    document: str | None = None,
    charset: str = "utf-8",
    packed: bool = False,
    *,
    cuts: Cuts,
) -> Dataset:
    """One text file as pieces of equal length, the last part of it for testing.

    What stands last is tested on, and what stands before that is for validation, as a text is read
    from its beginning; nothing is drawn, and `split_seed` decides only which pieces a `train_size`
    keeps. Each token of a piece counts as the one to be said after those before it; a last piece
    that is shorter is filled up.

    Args:
        path: a file of text.
        length: tokens that a model reads at once.
        vocabulary: tokens of the tokenizer that is trained on the training part.
        tokenizer: a folder or a name on the hub; None to train one.
        document: what stands between documents, such as "\\n\\n"; None: the file is one document.
            No piece reaches from one document into the next, and no document lies in two parts.
        charset: the encoding of the file.
        packed: put short pieces for training together in rows; none sees another.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds too little, or is no text.
    """
    text, _ = read_text(path, charset)
    found = divided(text.split(document) if document else [text], cuts, path)
    return pieces(found, length, vocabulary, tokenizer, cuts, path, packed)
