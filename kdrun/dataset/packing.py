"""Several texts in each row of tokens, so that less of it is padding."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from kdrun.task.generation import Generation
from kdrun.types import Arrays, Dataset


def in_rows(data: Dataset, length: int, end: int) -> Dataset:
    """A dataset whose training texts share rows; what is measured is measured on single ones.

    Args:
        data: of texts for a decoder.
        length: tokens of a row.
        end: the token that fills up.
    """
    assert isinstance(data.train, Arrays)
    assert isinstance(data.task, Generation)
    train = packed(data.train, length, end)
    note = f"{len(data.train):,} texts of the train part in {len(train):,} rows of {length} tokens"
    return replace(
        data, train=train, task=replace(data.task, packed=True), notes=(*data.notes, note)
    )


def packed(split: Arrays, length: int, end: int) -> Arrays:
    """A split whose rows hold as many of its texts as they have room for.

    Instead of a mask they have `position_ids`, which begin at 0 with each text: by these a model of
    transformers keeps attention apart, `kdrun.model.apart` sees to it. A row is called as its first
    text is.

    Args:
        split: of single texts for a decoder, filled up on their right.
        length: tokens of a row.
        end: the token that fills up.
    """
    assert isinstance(split.inputs, dict)
    ids, mask = split.inputs["input_ids"], split.inputs["attention_mask"]
    sizes = mask.sum(1).tolist()
    rows = together(sizes, length)
    tokens = torch.full((len(rows), length), end)
    places = torch.zeros(len(rows), length, dtype=torch.int64)
    targets = torch.full((len(rows), length), -1)
    for number, row in enumerate(rows):
        start = 0
        for text in row:
            size = sizes[text]
            here = slice(start, start + size)
            tokens[number, here] = ids[text, :size]
            places[number, here] = torch.arange(size)
            targets[number, here] = split.targets[text, :size]
            start += size
    names = None if split.ids is None else [split.ids[row[0]] for row in rows]
    given: dict[str, Tensor] = {"input_ids": tokens, "position_ids": places}
    return replace(split, inputs=given, targets=targets, ids=names, groups=None, marks=None)


def together(sizes: Sequence[int], length: int) -> list[list[int]]:
    """Which texts share a row: the longest first, each where it leaves the least room.

    Args:
        sizes: of the texts, none above `length`.
        length: of a row.

    Returns:
        The texts of each row, in their order; rows in the order of their first texts.
    """
    rows: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # of each row that has any, the least first
    for text in sorted(range(len(sizes)), key=lambda text: (-sizes[text], text)):
        place = bisect_left(rooms, (sizes[text], -1))
        if place < len(rooms):
            room, row = rooms.pop(place)
        else:
            room, row = length, len(rows)
            rows.append([])
        rows[row].append(text)
        if left := room - sizes[text]:
            insort(rooms, (left, row))
    return sorted(sorted(row) for row in rows)
