"""Which of the tensors that somebody else saved are a network's: by names, whatever is around them.

A file may hold a network plainly, or below `state_dict`, `model`, `net`, `module.`, `_orig_mod.`,
Lightning's `model.`, `student.` and so on in any order, or several times: raw and averaged weights,
a student beside its teacher. No list of such words is needed to find it: a *place* is whatever
stands before the network's own names, the same before all of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from kdrun.files.archive import Archive

State = dict[str, Tensor]

WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""What torch puts into names anywhere, when it compiles or shards a part of a network."""

UNCOUNTED = ("num_batches_tracked", "total_ops", "total_params", "n_averaged")
"""Endings of tensors without which a network is the same."""

AVERAGED = frozenset({"ema", "swa", "averaged", "average", "avg", "shadow", "polyak"})
"""Words in a place that say that its weights are a mean over the training."""

DEPTH = 8

MOST = 1_000_000
"""Names in a file; large networks have some thousands."""


class Found(NamedTuple):
    """The tensors of a network.

    Attributes:
        weights: by the network's own names, float32 where it is.
        told: what was chosen or changed, in a few words each.
    """

    weights: State
    told: list[str]


def flatten(archive: Archive) -> State:
    """Every tensor of a file by its dotted name, wrappers left out.

    Raises:
        ValueError: there are more than any network has.
    """
    found: State = {}
    looked_at = 0

    def add(tree: Mapping[Any, Any], prefix: tuple[str, ...], around: set[int]) -> None:
        nonlocal looked_at
        if id(tree) in around or len(prefix) > DEPTH:
            return  # a pickle may hold itself
        looked_at += len(tree)
        if looked_at > MOST:  # or one dict in a thousand places, and that again
            raise ValueError(f"it holds more than {MOST:,} names, and no network has so many")
        for key, value in tree.items():
            name = (*prefix, *(p for p in str(key).split(".") if p not in WRAPPERS))
            if isinstance(value, Tensor):
                found[".".join(name)] = value
            elif isinstance(value, Mapping):
                add(value, name, around | {id(tree)})

    add(archive.tree, (), set())
    return found


def find(tensors: State, net: nn.Module, which: str | None, head: str | None) -> Found:
    """The tensors of a network in a file.

    Args:
        tensors: of the file, from `flatten`.
        net: whose names they should have.
        which: `ema` or `raw`, or any word of the place, such as `student`; None for the averaged
            ones where there are any, and for the student where there is a teacher too.
        head: the module whose tensors are left out; None to want all.

    Raises:
        ValueError: they are not there, or there is no way to choose; the message says what is.
    """
    own = net.state_dict()
    wanted = {key for key in own if head is None or not key.startswith(f"{head}.")}
    needed = {key for key in wanted if not key.endswith(UNCOUNTED)}
    parameters = needed & {name for name, _ in net.named_parameters()}
    counts = _count(tensors, needed)
    # Of a mean there are often only parameters: batch norm's statistics are then the raw ones.
    means = [
        place
        for place in counts
        if is_averaged(place) and all(_join(place, name) in tensors for name in parameters)
    ]
    whole = [place for place, count in counts.items() if count == len(needed)]
    whole = [p for p in whole if not _others(tensors, p, own, head, means)] or whole
    partial = [place for place in means if place not in whole]
    if not whole:
        raise ValueError(_misses(tensors, counts, needed, net))
    place, told = _choose(whole, partial, which)
    base = place if place in whole else next(p for p in whole if not is_averaged(p))
    if others := _others(tensors, base, own, head, means):
        raise ValueError(
            f"it has {len(others)} tensors that are unknown to {type(net).__name__}, such as "
            f"{others[0]}: it is another network"
        )
    weights = {
        name: tensors.get(_join(place, name), tensors[_join(base, name)])
        for name in sorted(wanted)
        if name in needed or _join(base, name) in tensors
    }
    return Found(*_as_own(weights, own, told))


def is_averaged(place: str) -> bool:
    """Whether a place says of itself that its weights are averaged."""
    words = re.split(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", place)
    return any(word.lower() in AVERAGED for word in words)


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _count(tensors: State, needed: set[str]) -> Counter[str]:
    """How many of the wanted names stand at each place."""
    counts: Counter[str] = Counter()
    for key in tensors:
        parts = key.split(".")
        for end in range(len(parts)):
            if ".".join(parts[end:]) in needed:
                counts[".".join(parts[:end])] += 1
    return counts


def _others(
    tensors: State, place: str, own: State, head: str | None, means: list[str]
) -> list[str]:
    """Names at a place that the network does not have; of a backbone, only those of its parts.

    A mean of the weights that lies within the place is a network of its own.
    """
    begin = f"{place}." if place else ""
    within = tuple(f"{mean}." for mean in means if not begin.startswith(f"{mean}."))
    parts = {name.split(".")[0] for name in own if not head or not name.startswith(f"{head}.")}
    names = [
        key.removeprefix(begin)
        for key in tensors
        if key.startswith(begin) and not key.startswith(within)
    ]
    return [
        name
        for name in names
        if name not in own
        and not name.endswith(UNCOUNTED)
        and (head is None or name.split(".")[0] in parts)
        and not (head and name.startswith(f"{head}."))
    ]


def _choose(whole: list[str], partial: list[str], which: str | None) -> tuple[str, list[str]]:
    """The place that is meant, and what is to be told of the choice."""
    averaged = [place for place in [*whole, *partial] if is_averaged(place)]
    raw = [place for place in whole if not is_averaged(place)]
    named = [place for place in [*whole, *partial] if which in place.split(".")]
    if which == "ema" and not named and not averaged:
        raise ValueError(f"it holds no averaged weights; it has {_names(whole)}")
    if which in (None, "ema", "raw"):
        places = named or (raw if which == "raw" else averaged or raw)
    elif not (places := named):
        raise ValueError(f"it holds no weights under '{which}'; it has {_names(whole)}")
    students = [place for place in places if "student" in place.split(".")]
    if len(places) > 1 and len(students) == 1 and which is None:
        places = students
    if len(places) != 1:
        raise ValueError(
            f"it holds several networks of these names, {_names(places or whole)}: say which, by "
            "weights=NAME"
        )
    (place,) = places
    told = []
    if len(whole) + len(partial) > 1:
        kind = "averaged weights" if is_averaged(place) else "weights"
        rest = [other for other in [*whole, *partial] if other != place]
        told.append(f"the {kind} under {_names([place])} are taken, not those under {_names(rest)}")
    elif is_averaged(place):
        told.append(f"these are averaged weights ({place})")
    return place, told


def _names(places: list[str]) -> str:
    return ", ".join(f"'{place}'" if place else "its top" for place in places)


def _as_own(weights: State, own: State, told: list[str]) -> tuple[State, list[str]]:
    """The weights in the network's number format.

    Raises:
        ValueError: they are whole numbers, as in quantised networks, or not finite.
    """
    formats: Counter[str] = Counter()
    for name, tensor in weights.items():
        if own[name].is_floating_point() and not tensor.is_floating_point():
            kind = str(tensor.dtype).removeprefix("torch.")
            raise ValueError(f"{name} is {kind}: a quantised network, whose weights are not here")
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{name} holds numbers that are not finite: its training diverged")
        if tensor.dtype != own[name].dtype:
            formats[str(tensor.dtype).removeprefix("torch.")] += 1
            weights[name] = tensor.to(own[name].dtype)
    return weights, [*told, *(f"{kind} was made float32" for kind in formats)]


def _misses(tensors: State, counts: Counter[str], needed: set[str], net: nn.Module) -> str:
    """What a file lacks that holds no such network."""
    what = type(net).__name__
    if not tensors:
        return "it holds no tensors at all: give a file with the network's state_dict"
    if not counts:
        some = ", ".join(sorted(tensors)[:3])
        return f"none of its {len(tensors)} tensors ({some}, ...) has a name of {what}'s"
    place, count = max(counts.items(), key=lambda item: item[1])
    lacking = sorted(name for name in needed if _join(place, name) not in tensors)
    told = f"of {what}'s {len(needed)} tensors {count} are there; {len(lacking)} missing, such as "
    return told + ", ".join(_few(lacking))


def _few(names: list[str]) -> Iterator[str]:
    yield from names[:2]
