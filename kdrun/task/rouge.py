"""ROUGE-L: how long a part of the reference's words a text has in the same order."""

from __future__ import annotations

import re
from collections.abc import Sequence

WORD = re.compile("[a-z0-9]+")
"""Of a text in small letters; what is no letter from a to z is between words, as in rouge_score."""


def rouge_l(said: Sequence[str], wanted: Sequence[str]) -> float:
    """The F-measure of the longest common subsequence of words, mean over texts.

    Lin, 2004. https://aclanthology.org/W04-1013. As `rouge_score` has it, without its stemmer.

    Args:
        said: N texts.
        wanted: one reference for each.
    """
    found = [_measure(_words(a), _words(b)) for a, b in zip(said, wanted, strict=True)]
    return sum(found) / max(len(found), 1)


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def _measure(said: list[str], wanted: list[str]) -> float:
    if not said or not wanted:
        return 0.0
    return 2 * common(said, wanted) / (len(said) + len(wanted))


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence of two texts.

    Hyyrö, 2004: a bit for each word of the first, all of them in an addition; a 0 is where the
    subsequence grows.

    Args:
        one: words.
        other: likewise.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(one)) - 1
    bits = full
    for word in other:
        fits = bits & places.get(word, 0)
        bits = ((bits + fits) | (bits - fits)) & full
    return len(one) - bits.bit_count()
