"""Which rows of a table of decisions are about which sample."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from torch import Tensor

from kdrun.dataset.split import sample_ids
from kdrun.teacher.decisions import Table
from kdrun.teacher.spelling import as_known
from kdrun.types import Dataset, Files, Split

log = logging.getLogger(__name__)

Rows = list[list[int]]
"""For each sample of a split, the rows of the table that are about it."""

BEYOND = 4.0
"""So many standard errors more of the answers must be right before ids are said to be shifted."""


def splits(data: Dataset) -> dict[str, Split]:
    """The splits by name."""
    parts = {"train": data.train, "val": data.val, "test": data.test}
    return {name: split for name, split in parts.items() if split is not None}


def rows_about(table: Table, data: Dataset, whole: bool) -> dict[str, Rows]:
    """The rows about each sample of each split.

    Args:
        table: as it was read.
        data: whose samples are meant, by id, or by position before any cut.
        whole: whether no training sample was set aside, so that every row must be about one.

    Raises:
        ValueError: rows are about no sample, or samples cannot be told apart.
    """
    ids = _ids(data)
    together = _together(ids)
    keys, homes = _keys(table, ids, whole), table.text("split") or ["train"] * len(table.row)
    about = _by_key(homes, keys)
    if wrong := {home for home, _ in about} - {"train", "val", "test"}:
        raise ValueError(f"split is train, val or test, not '{min(wrong)}'")
    other = {"train": "val", "val": "train"} if together else {}
    found = {
        name: [about.get((name, key)) or about.get((other.get(name, ""), key), []) for key in own]
        for name, own in ids.items()
    }
    _check_ids(about, ids, found, whole, data)
    if several := sum(len(own) > 1 for own in found["train"]):
        log.info("%d training samples have several rows: what these say is averaged", several)
    return found


def rows_from_one(table: Table, data: Dataset) -> Rows | None:
    """The rows about each training sample if ids counted the samples from 1.

    None where they cannot: they are no numbers, or one of them is 0.
    """
    ids, given = _ids(data), table.text("id")
    own = ids["train"] + (ids.get("val", []) if _together(ids) else [])
    if given is None or not all(key.isdecimal() for key in own):
        return None
    keys = as_known(given, own)
    if "0" in keys or not all(key.isdecimal() for key in keys):
        return None
    homes = table.text("split") or ["train"] * len(keys)
    about = _by_key(homes, [str(int(key) - 1) for key in keys])
    return [about.get(("train", key)) or about.get(("val", key), []) for key in ids["train"]]


def refuse_from_one(said: Tensor, targets: Tensor, rows: Rows, shifted: Rows | None) -> None:
    """Refuse ids that count from 1: answers are then about the neighbour of each sample.

    Args:
        said: (R, C) probabilities.
        targets: (N,) of the training samples; what is hidden is not read.
        rows: about each of these samples.
        shifted: as `rows_from_one` gives them.

    Raises:
        ValueError: labels agree with the answers far better when one is taken from each id.
    """
    if shifted is None:
        return
    plain, other = (_right(said, targets, own) for own in (rows, shifted))
    if not plain[1] or not other[1]:
        return
    shares = plain[0] / plain[1], other[0] / other[1]
    error = (0.25 / plain[1] + 0.25 / other[1]) ** 0.5
    if shares[1] - shares[0] > BEYOND * error:
        raise ValueError(
            f"its ids seem to begin at 1, and samples are counted from 0: {shares[0]:.0%} of the "
            f"training labels agree with it, and {shares[1]:.0%} when 1 is taken from each id. "
            "Subtract 1"
        )


def _right(said: Tensor, targets: Tensor, rows: Rows) -> tuple[int, int]:
    """How many labelled samples have answers whose best class is theirs, and how many have any."""
    first = [(own[0], label) for own, label in zip(rows, targets.tolist(), strict=True) if own]
    known = [(row, label) for row, label in first if label >= 0]
    best = said.nan_to_num(-1.0).argmax(1).tolist()
    return sum(best[row] == label for row, label in known), len(known)


def _ids(data: Dataset) -> dict[str, list[str]]:
    """What the samples of each split are called.

    Raises:
        ValueError: two of a split are called the same.
    """
    ids = {name: sample_ids(split) for name, split in splits(data).items()}
    for name, own in ids.items():
        if len(set(own)) < len(own):
            key, times = Counter(own).most_common(1)[0]
            raise ValueError(
                f"{times} samples of the {name} split are called '{key}': decisions need ids that "
                "tell samples apart"
            )
    return ids


def _together(ids: Mapping[str, list[str]]) -> bool:
    """Whether training and validation samples were cut from the same, and so share ids."""
    return not set(ids["train"]) & set(ids.get("val", ()))


def _keys(table: Table, ids: Mapping[str, list[str]], whole: bool) -> list[str]:
    """The id of each row, as the data spell it."""
    given = table.text("id")
    if given is not None:
        return as_known(given, (key for own in ids.values() for key in own))
    size = len(ids["train"]) + (len(ids.get("val", ())) if _together(ids) else 0)
    if table.length != size or not whole:
        told = "and some were set aside" if not whole else f"of which there are {size}"
        raise ValueError(
            f"its {table.length} rows have no column id, so they are about the training "
            f"samples in their order, {told}: give ids"
        )
    return [str(row - 1) for row in table.row.tolist()]


def _by_key(homes: Sequence[str], keys: Sequence[str]) -> dict[tuple[str, str], list[int]]:
    about: dict[tuple[str, str], list[int]] = {}
    for row, (home, key) in enumerate(zip(homes, keys, strict=True)):
        about.setdefault((home, key), []).append(row)
    return about


def _check_ids(
    about: Mapping[tuple[str, str], list[int]],
    ids: Mapping[str, list[str]],
    found: Mapping[str, Rows],
    whole: bool,
    data: Dataset,
) -> None:
    """Refuse rows about no sample, as far as one can know."""
    pool = {key for own in ids.values() for key in own}
    lost = [key for _, key in about if key not in pool]
    if gaps := _left_out(lost, pool):
        many = f"{len(gaps)} ids are those of rows"
        told = many if len(gaps) > 1 else f"the id {gaps[0]} is that of a row"
        log.info("%s left out when the data were read, of which nothing is learnt", told)
        lost = [key for key in lost if key not in gaps]
    if not any(found["train"]) or (lost and whole):
        first = (lost or [next(iter(about))[1]])[0]
        raise ValueError(
            f"{len(lost)} of its {len(about)} ids are no sample's, such as '{first}'; the samples "
            f"are called {', '.join(ids['train'][:3])}, ...{_hint(first, pool, data)}"
        )
    if lost:
        log.info("%d of %d ids are of samples that are not read", len(lost), len(about))


def _left_out(lost: Sequence[str], pool: set[str]) -> list[str]:
    """Ids of rows of the file between those that were read: repetitions, or without a label.

    Samples are called by the numbers of their rows, where all have numbers.
    """
    if not all(key.isdecimal() for key in pool):
        return []
    last = max(map(int, pool))
    return [key for key in lost if key.isdecimal() and int(key) < last and key == str(int(key))]


def _hint(lost: str, pool: set[str], data: Dataset) -> str:
    """What the matter may be with an id."""
    if lost.isdecimal() and str(int(lost) - 1) in pool and lost != "0":
        return ". Samples are counted from 0: subtract 1 if the ids begin at 1"
    if not isinstance(data.train, Files):
        return ""
    ends = [key for key in pool if key.endswith(f"/{lost}") or lost.endswith(f"/{key}")]
    same = f"; '{lost}' may be {' or '.join(sorted(ends)[:2])}" if ends else ""
    return f". An image is called by its path below the folder of its split, CLASS/.../FILE{same}"
