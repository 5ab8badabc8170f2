"""Which image files stay together in every cut: those of one folder below their class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from torch import Tensor

from kdrun.dataset.domains import number_groups

Group = Literal["auto", "folder", "none"]
"""`folder`: the first folder below the class; `auto`: that, where the folders look like it."""

FEWEST = 5
"""Folders that are taken for groups unasked; fewer are kinds, as images/, or day/ and night/."""


class Grouped(NamedTuple):
    """What the folders say.

    Attributes:
        groups: (N,) as `Files.groups`; None where each sample is by itself.
        note: a sentence on what was taken for groups, and on what was not; None without folders.
    """

    groups: Tensor | None
    note: str | None = None


def folder_groups(ids: Sequence[str], wanted: Group = "auto") -> Grouped:
    """Groups of images that belong together: of one patient, one place, one video.

    A folder of the same name below another class is the same group. scikit-learn's splitters take
    such groups (`GroupShuffleSplit`, `StratifiedGroupKFold`), but from an array.

    Args:
        ids: what the samples are called, CLASS/…/FILE.
        wanted: `auto` takes folders for groups where all images lie in one, and there are at least
            `FEWEST` names of them.

    Raises:
        ValueError: `folder` is wanted, and there is none, or one name only.
    """
    below = [name.split("/")[1:-1] for name in ids]
    names = {parts[0] for parts in below if parts}
    if wanted == "folder" and len(names) < 2:
        raise ValueError(
            f"dataset.group=folder: below the classes {'lies one folder' if names else 'lie no'}"
            f"{' name only' if names else ' folders'}; put the images of each group into a folder "
            "of its own, CLASS/GROUP/FILE."
        )
    if wanted == "none" or not names:
        return Grouped(None)
    alone = sum(not parts for parts in below)
    if wanted == "auto" and (alone or len(names) < FEWEST):
        why = f"{alone:,} images lie in none" if alone else f"fewer than {FEWEST}"
        return Grouped(
            None,
            f"folders below the classes ({_shown(names)}) are not taken for groups: {why}; "
            "dataset.group=folder keeps the images of each together",
        )
    # A file in no folder is a group by itself; a slash is in no folder's name.
    groups = number_groups(p[0] if p else f"/{name}" for p, name in zip(below, ids, strict=True))
    return Grouped(
        groups,
        f"images of one folder below their class stay together in every cut: {len(names):,} "
        f"folders ({_shown(names)}); dataset.group=none takes each by itself",
    )


def _shown(names: set[str]) -> str:
    first = sorted(names)[:3]
    return ", ".join(first) + (", ..." if len(names) > len(first) else "")
