"""Documents as pieces of equal length, for language models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from kdrun.dataset.bpe import encoded, end_of, given, trained
from kdrun.dataset.cuts import Cuts
from kdrun.dataset.packing import in_rows
from kdrun.task.generation import Generation
from kdrun.types import Arrays, Dataset, Shape

LEAST = 2
"""Pieces that a part needs."""


def pieces(
    parts: Mapping[str, Sequence[str]],
    length: int,
    vocabulary: int,
    tokenizer: str | None,
    cuts: Cuts,
    where: str,
    packed: bool = False,
) -> Dataset:
    """Documents as pieces of equal length, each token of which is to be said after those before it.

    No piece reaches from one document into the next. A last piece that is shorter is filled up.

    Args:
        parts: the documents of `train` and `test`, and of `val` where there is one.
        length: tokens that a model reads at once.
        vocabulary: tokens of the tokenizer that is trained on the training part.
        tokenizer: a folder or a name on the hub; None to train one.
        cuts: which says how many pieces are kept to train on.
        where: the documents are from, for messages.
        packed: put short pieces for training together in rows; none sees another.

    Raises:
        ValueError: a part comes to too little, or the lengths or sizes are none.
    """
    if length < 2:
        raise ValueError(f"dataset.length={length}: give 2 tokens or more.")
    if cuts.fold is not None:
        raise ValueError("a text that is cut where it ends has no folds: leave cv.folds=null.")
    made = given(tokenizer) if tokenizer else trained(parts["train"], vocabulary)
    splits = {name: _pieces(made, texts, length, name) for name, texts in parts.items()}
    _refuse_little(splits, where, length)
    if cuts.train_size is not None:
        chosen = torch.randperm(
            len(splits["train"]), generator=torch.Generator().manual_seed(cuts.split_seed)
        )
        splits["train"] = _chosen(splits["train"], chosen[: cuts.train_size].sort().values)
    task = Generation((), int(made.get_vocab_size()), end_of(made), tokenizer=made.to_str())
    reader = {"column": "text", "layout": None, "tokenizer": task.tokenizer, "length": length}
    shape: Shape = {"input_ids": (length,), "attention_mask": (length,)}
    data = Dataset(
        splits["train"],
        splits.get("val"),
        splits["test"],
        [],
        shape,
        reader={"_target_": "kdrun.dataset.new.prompts", **reader},
        notes=_notes(splits, parts, tokenizer, made),
        task=task,
    )
    return in_rows(data, length, task.end) if packed else data


def _refuse_little(splits: Mapping[str, Arrays], where: str, length: int) -> None:
    """Refuse a text of which too little is left for a part."""
    for name, split in splits.items():
        if len(split) < LEAST:
            raise ValueError(
                f"the {name} part of {where} comes to {len(split)} pieces of {length} tokens: give "
                "more text, a smaller dataset.length or a larger fraction."
            )


def divided(documents: Sequence[str], cuts: Cuts, where: str) -> dict[str, list[str]]:
    """The documents of `train`, `val` and `test`, the last ones for testing, measured in letters.

    A single document is cut where these end.

    Args:
        documents: in the order in which they are read.
        cuts: of which the fractions count.
        where: they are from, for messages.

    Raises:
        ValueError: a fraction is none, or nothing is left for a part.
    """
    documents = [one for one in documents if one.strip()]
    if not documents:
        raise ValueError(f"{where} holds no text.")
    total = sum(map(len, documents))
    edges = [
        round(total * (1 - cuts.test_fraction) * (1 - cuts.val_fraction)),
        round(total * (1 - cuts.test_fraction)),
    ]
    for name in ("test_fraction", "val_fraction"):
        value = getattr(cuts, name)
        if not 0 <= value < 1 or (name == "test_fraction" and not value):
            raise ValueError(f"{name}={value} is not a fraction: give 0 < {name} < 1.")
    if len(documents) == 1:
        (whole,) = documents
        cut = [whole[: edges[0]], whole[edges[0] : edges[1]], whole[edges[1] :]]
        found = {
            name: [one] for name, one in zip(("train", "val", "test"), cut, strict=True) if one
        }
    else:
        found = {"train": [], "val": [], "test": []}
        before = 0
        for one in documents:
            place = "train" if before < edges[0] else "val" if before < edges[1] else "test"
            found[place].append(one)
            before += len(one)
    if not cuts.val_fraction:
        found.pop("val", None)
    for name in ("train", "test"):
        if not found.get(name):
            raise ValueError(f"nothing of {where} is left for {name}: it has too few documents.")
    return {name: texts for name, texts in found.items() if texts}


def _pieces(tokenizer: Any, texts: Sequence[str], length: int, part: str) -> Arrays:
    """Pieces of (N, length) tokens, each with the token after every place."""
    end = end_of(tokenizer)
    inputs, targets = [], []
    for tokens in encoded(tokenizer, texts):
        stream = torch.tensor([*tokens, end])
        for start in range(0, len(stream) - 1, length):
            piece, after = stream[start : start + length], stream[start + 1 : start + length + 1]
            fill = length - len(after)
            inputs.append(torch.nn.functional.pad(piece[: len(after)], (0, fill), value=end))
            targets.append(torch.nn.functional.pad(after, (0, fill), value=-1))
    if not inputs:
        raise ValueError(f"the {part} part comes to no tokens.")
    target = torch.stack(targets)
    ids = [f"{part}/{number}" for number in range(len(target))]
    given_to = {"input_ids": torch.stack(inputs), "attention_mask": (target >= 0).long()}
    return Arrays(given_to, target, ids=ids, task=Generation())


def _chosen(split: Arrays, places: torch.Tensor) -> Arrays:
    from kdrun.dataset.split import select

    kept = select(split, places)
    assert isinstance(kept, Arrays)
    return kept


def _notes(
    splits: dict[str, Arrays], parts: Mapping[str, Sequence[str]], tokenizer: str | None, made: Any
) -> tuple[str, ...]:
    counts = {name: int((split.targets >= 0).sum()) for name, split in splits.items()}
    characters = {name: sum(map(len, texts)) for name, texts in parts.items()}
    told = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    whose = tokenizer or f"a byte-level BPE of {made.get_vocab_size():,} learnt from the train part"
    return (
        f"tokens by {whose}: {told}, one for {characters['test'] / counts['test']:.2f} characters "
        "of the test part",
    )
