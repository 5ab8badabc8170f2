"""Prompts with completions: questions and answers, sentences and their translations."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch

from kdrun.dataset.bpe import encoded, end_of, given, token_of, trained
from kdrun.dataset.chat import Chat, read_chats
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.layout import FORMS, Layout
from kdrun.dataset.packing import in_rows
from kdrun.dataset.pair_file import Pairs, read_pairs
from kdrun.task.generation import Generation
from kdrun.types import Arrays, Dataset, Shape

LEAST = 3
"""Pairs of a file that is to be cut in three."""

Reader = dict[str, Any]


class Tokens(NamedTuple):
    """The tokens of some pairs, and what these are called."""

    prompts: list[list[int]]
    completions: list[list[int]]
    names: list[str]


@with_cuts(test_fraction=0.1)
def pairs(
    path: str,
    prompt: str = "prompt",
    completion: str = "completion",
    messages: str | None = None,
    form: Literal["joined", "apart"] = "joined",
    length: int = 128,
    vocabulary: int = 1024,
    tokenizer: str | None = None,
    separator: str | None = None,
    start: str | None = None,
    too_long: Literal["refuse", "drop"] = "refuse",
    charset: str = "utf-8",
    packed: bool = False,
    *,
    cuts: Cuts,
) -> Dataset:
    """Texts that are to be completed. Only the tokens of completions, and the end of each, count.

    Pairs of one prompt stay in one part.

    Args:
        path: a table (.csv, .tsv) or objects of JSON (.jsonl, .json), cut by the fractions; or a
            folder with two files for each of train, val and test, line for line.
        prompt: column or key of the prompts; of a folder, how their files end, such as `en`.
        completion: likewise.
        messages: in the place of both, key of chats, lists of `role` and `content`, for the
            template of `tokenizer`; what the assistant says last is the completion.
        form: `joined` in one text, for a decoder such as gpt2; `apart`, for an encoder that reads
            the prompt and a decoder that writes the completion, such as t5.
        length: tokens that a model reads at once.
        vocabulary: tokens of the tokenizer that is trained on the training part.
        tokenizer: a folder, also of a run, or a name on the hub; None to train one.
        separator: text between prompt and completion, joined; None: the token of the end.
        start: the token that a decoder begins with, apart; None: that of the end.
        too_long: what becomes of pairs that need more than `length` tokens.
        charset: the encoding of the files.
        packed: put several training pairs, joined, into each row; none sees another.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a text is empty or too long, there are too few, or the tokenizer has no end.
    """
    _check(form, length, too_long, packed)
    chat = _chat(tokenizer, form, separator) if messages else None
    named = read_chats(path, messages, chat, charset) if messages and chat else None
    parts = _parts(named or read_pairs(path, prompt, completion, charset), cuts, path)
    texts = [*parts["train"].prompts, *parts["train"].completions]
    made = given(tokenizer) if tokenizer else trained(texts, vocabulary)
    layout = chat.layout(made) if chat else _layout(made, form, separator, start)
    all_of = {name: _encoded(made, part, layout.end) for name, part in parts.items()}
    kept = {name: _fitting(one, layout, length, too_long, name) for name, one in all_of.items()}
    told = _left_out(parts, all_of, kept, length)
    reader: Reader = {"_target_": "kdrun.dataset.new.prompts", "column": prompt, "length": length}
    reader |= {"tokenizer": made.to_str(), "layout": layout.described}
    reader |= {"chat": chat.described} if chat else {}
    whose = tokenizer or f"a byte-level BPE of {made.get_vocab_size():,} learnt from the train part"
    data = _dataset(kept, layout, int(made.get_vocab_size()), reader, [*told, whose])
    return in_rows(data, length, layout.end) if packed else data


def _check(form: str, length: int, too_long: str, packed: bool) -> None:
    for key, value, valid in (("form", form, FORMS), ("too_long", too_long, ("refuse", "drop"))):
        if value not in valid:
            raise ValueError(f"dataset.{key}={value}: give {' or '.join(valid)}.")
    if length < 2:
        raise ValueError(f"dataset.length={length}: give 2 tokens or more.")
    if packed and form == "apart":
        raise ValueError("dataset.packed=true is of one text: with dataset.form=apart leave it.")


def _left_out(
    parts: dict[str, Pairs], all_of: dict[str, Tokens], kept: dict[str, Tokens], length: int
) -> list[str]:
    """What was assumed of the parts, and how many of their pairs are too long."""
    told = [note for part in parts.values() for note in part.notes]
    for name, one in kept.items():
        if left := len(all_of[name].names) - len(one.names):
            told.append(f"{left} pairs of the {name} part need more than {length} tokens: left out")
    return told


def _chat(tokenizer: str | None, form: str, separator: str | None) -> Chat:
    """What puts messages together."""
    if form == "apart" or separator is not None:
        raise ValueError(
            "dataset.messages are put together by a template, as one text: with it leave "
            "dataset.form=joined and dataset.separator=null"
        )
    return Chat.load(tokenizer)


def _dataset(
    parts: dict[str, Tokens], layout: Layout, vocabulary: int, reader: Reader, told: list[str]
) -> Dataset:
    """All of it, laid out."""
    rooms = [
        layout.room(prompt, completion)
        for one in parts.values()
        for prompt, completion in zip(one.prompts, one.completions, strict=True)
    ]
    most = 1 + max(map(len, parts["train"].completions))
    task = Generation((), vocabulary, layout.end, most, True, reader["tokenizer"])
    splits = {}
    for name, one in parts.items():
        inputs, targets = layout(one.prompts, one.completions, max(rooms))
        splits[name] = Arrays(inputs, targets, ids=one.names, task=task)
    counts = {name: int((split.targets >= 0).sum()) for name, split in splits.items()}
    *notes, whose = dict.fromkeys(told)
    count = ", ".join(f"{name} {tokens:,}" for name, tokens in counts.items())
    notes.append(f"tokens of completions by {whose}: {count}")
    shape: Shape = {name: (max(rooms),) for name in inputs}
    return Dataset(
        splits["train"],
        splits.get("val"),
        splits["test"],
        [],
        shape,
        reader=reader,
        notes=tuple(notes),
        task=task,
    )


def _parts(found: dict[str, Pairs], cuts: Cuts, path: str) -> dict[str, Pairs]:
    """The pairs of each part: those that a folder has, and others cut from its training pairs."""
    if len(found["train"].names) < LEAST:
        count = len(found["train"].names)
        raise ValueError(f"{path} holds {count} pairs to train on: give {LEAST} or more.")
    arrays = {name: _places(part) for name, part in found.items()}
    train, val, test = cuts.split(arrays["train"], arrays.get("test"), arrays.get("val"))
    whole = found["train"]
    parts = {"train": _some(whole, train)}
    if val is not None:
        parts["val"] = found["val"] if "val" in found else _some(whole, val)
    if "test" in found and cuts.fold is None:
        parts["test"] = found["test"]
    else:
        parts["test"] = _some(whole, test)
    return parts


def _places(pairs: Pairs) -> Arrays:
    """The places of some pairs as samples to be cut; those of one prompt are a group."""
    numbers = {prompt: number for number, prompt in enumerate(dict.fromkeys(pairs.prompts))}
    groups = torch.tensor([numbers[prompt] for prompt in pairs.prompts])
    places = torch.arange(len(groups))
    alone = len(numbers) == len(groups)
    form = torch.zeros(len(groups), 1, dtype=torch.int64)
    return Arrays(places[:, None], form, groups=None if alone else groups, task=Generation())


def _some(pairs: Pairs, chosen: Any) -> Pairs:
    places = chosen.inputs[:, 0].tolist()
    prompts, answers, names = ([column[place] for place in places] for column in pairs[:3])
    return Pairs(prompts, answers, names, pairs.notes)


def _layout(made: Any, form: str, separator: str | None, start: str | None) -> Layout:
    """How pairs are laid out by a tokenizer."""
    end = end_of(made)
    if form == "apart" and separator is not None:
        raise ValueError("dataset.separator stands in one text: with dataset.form=apart leave it.")
    if form == "joined" and start is not None:
        raise ValueError("dataset.start is of a decoder: with dataset.form=joined leave it.")
    between = (end,) if separator is None else tuple(encoded(made, [separator])[0])
    if not between:
        raise ValueError("dataset.separator comes to no token: give some text, or null.")
    begin = end if start is None else token_of(made, "dataset.start", start)
    return Layout(form, end, between if form == "joined" else (), begin)


def _encoded(made: Any, pairs: Pairs, end: int) -> Tokens:
    """Tokens; a completion goes as far as its end, if it has one, which the layout puts there."""
    prompts, answers = (encoded(made, texts) for texts in (pairs.prompts, pairs.completions))
    answers = [one[: one.index(end)] if end in one else one for one in answers]
    return Tokens(prompts, answers, pairs.names)


def _fitting(tokens: Tokens, layout: Layout, length: int, too_long: str, part: str) -> Tokens:
    """The pairs that a model can read at once.

    Raises:
        ValueError: some are too long, and are not to be dropped; or none is left.
    """
    rows = list(zip(*tokens, strict=True))
    rooms = [layout.room(prompt, completion) for prompt, completion, _ in rows]
    long = [place for place, room in enumerate(rooms) if room > length]
    if long and too_long == "refuse":
        first = long[0]
        counts = f"{len(tokens.prompts[first])} of the prompt"
        raise ValueError(
            f"{tokens.names[first]}: a pair of {rooms[first]} tokens, {counts}, is longer than "
            f"dataset.length={length}, as are {len(long)} of the {part} part in all: "
            f"dataset.length={max(rooms)} takes them, dataset.too_long=drop leaves them out."
        )
    kept = [row for row, room in zip(rows, rooms, strict=True) if room <= length]
    if len(kept) < 1:
        raise ValueError(f"no pair of the {part} part fits into dataset.length={length} tokens.")
    prompts, answers, names = (list(column) for column in zip(*kept, strict=True))
    return Tokens(prompts, answers, names)
