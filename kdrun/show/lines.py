"""Rows of tables, texts and tokens as lines that people read."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kdrun.dataset.split import sample_ids
from kdrun.sample import ROWS
from kdrun.types import Arrays, Dataset, Split

MANY = 12
"""Numbers of a row that are shown: those farthest from zero."""


def lines(data: Dataset, split: Split, chosen: Sequence[int]) -> list[str]:
    """A paragraph for each sample: its name and label, then what a network is given.

    Args:
        data: whose split it is.
        split: of rows, texts or tokens.
        chosen: positions of the samples.
    """
    assert isinstance(split, Arrays)
    names = sample_ids(split)
    inputs = split.inputs if isinstance(split.inputs, dict) else {ROWS: split.inputs}
    found: list[str] = []
    for place in chosen:
        label = data.task.labels(split.targets[place : place + 1])[0]
        found.append(
            f"{names[place]}: {label or _wanted(data, split.targets[place]) or 'no label'}"
        )
        for key, values in inputs.items():
            if values.is_floating_point():
                found.append("  " + _numbers(data, values[place]))
            elif not key.endswith("attention_mask"):
                mask = inputs.get(key.removesuffix("input_ids") + "attention_mask")
                kept = values[place] if mask is None else values[place][mask[place] != 0]
                found.append(f"  {len(kept)} tokens: {_tokens(data, key, kept)}")
    return found


def _wanted(data: Dataset, target: Tensor) -> str:
    """What a language model is to say, token by token; empty of other data."""
    if target.ndim != 1 or not (data.reader or {}).get("tokenizer"):
        return ""
    return f"to be said is {_tokens(data, 'input_ids', target[target >= 0])}"


def _numbers(data: Dataset, row: Tensor) -> str:
    """The numbers of a row with what they are called, zeros left out, the largest first if many."""
    names = _columns(data, len(row))
    order = [n for n in range(len(row)) if float(row[n])]
    more = ""
    if len(order) > MANY:
        more = f", and {len(order) - MANY} more of {len(row)}"
        order = row.abs().argsort(descending=True, stable=True)[:MANY].tolist()
    told = ", ".join(f"{names[n]} {float(row[n]):.3g}" for n in order)
    return (told or f"{len(row)} zeros") + more


def _columns(data: Dataset, count: int) -> list[str]:
    """What the numbers of a row are called: columns, words, or their places."""
    words = ((data.reader or {}).get("words") or {}) if data.reader else {}
    vocabulary = [f"'{word}'" for word in words.get("vocabulary") or ()]
    for names in ([*data.columns], vocabulary if not words.get("reduction") else []):
        if len(names) == count:
            return names
    return [f"x{n}" for n in range(count)]


def _tokens(data: Dataset, key: str, numbers: Tensor) -> str:
    """Tokens between bars, or their numbers where nothing says what they mean."""
    reader = data.reader or {}
    described = reader.get("tokens") or {}
    text = described.get(key.removesuffix("input_ids")) or reader.get("tokenizer")
    if text is None:
        return " ".join(str(int(number)) for number in numbers)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(text)
    if not described:  # bytes, which have letters of their own
        return "|".join(tokenizer.decode([int(number)]) or "end" for number in numbers)
    return "|".join(tokenizer.id_to_token(int(number)) or "?" for number in numbers)
