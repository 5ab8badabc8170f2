"""The image files in a folder, and what else lies there."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from kdrun.dataset.image import readable
from kdrun.files.fingerprint import walked

LITTER = ("thumbs.db", "desktop.ini", "icon\r")
"""What Windows and macOS write into folders without being asked, beside hidden files."""


def image_files(folder: Path, left: Counter[str] | None = None) -> list[str]:
    """The images in a folder and below, in the order of their names.

    Hidden files and folders (.DS_Store, ._1.png, .ipynb_checkpoints), and `LITTER`, are no part of
    the data. What cannot be an image, or is empty, is left out.

    Args:
        folder: where to look; links to folders are followed, each folder once.
        left: counts what was left out, by what it is.
    """
    left = Counter() if left is None else left
    found = []
    for path in _files(folder):
        suffix = path.suffix.lower()
        try:
            status = path.stat()
        except OSError:
            left["broken links"] += 1
            continue
        if suffix not in readable():
            left[suffix or "no suffix"] += 1
        elif not stat.S_ISREG(status.st_mode):
            left["no plain files"] += 1
        elif not status.st_size:
            left[f"empty {suffix}"] += 1
        else:
            found.append(str(path))
    return sorted(found)


def count_beside(place: Path, left: Counter[str]) -> None:
    """Count the files in a folder that holds only folders."""
    for path in place.iterdir():
        if path.is_dir() or not _counts(path.name):
            continue
        suffix = path.suffix.lower()
        if suffix in readable():
            left["images in no folder of a class"] += 1
        else:
            left[suffix or "no suffix"] += 1


def left_out(left: Counter[str], where: str) -> str | None:
    """A sentence on what `image_files` left out; None where it was nothing."""
    if not left:
        return None
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in left.most_common())
    total = sum(left.values())
    return f"{total:,} file{'s' * (total > 1)} of {where} left out, as no images: {kinds}"


def leads_out(folder: Path, files: Iterable[str]) -> str | None:
    """A sentence on files that links bring into a folder from elsewhere; None without any.

    Args:
        folder: the whole.
        files: in it.
    """
    home = os.path.realpath(folder)
    real: dict[str, str] = {}
    away = []
    for file in files:
        place, name = os.path.split(file)
        if place not in real:
            real[place] = os.path.realpath(place)
        path = os.path.realpath(file) if os.path.islink(file) else os.path.join(real[place], name)
        if os.path.commonpath([home, path]) != home:
            away.append((file, path))
    if not away:
        return None
    (file, path), count = away[0], len(away)
    return (
        f"{count:,} file{'s' * (count > 1)} of {folder} lie elsewhere, by links: {file} is {path}"
    )


def folders(place: Path) -> list[str]:
    """The names of the folders in a folder, hidden ones and those of Python left out."""
    return sorted(
        entry.name
        for entry in place.iterdir()
        if entry.is_dir() and not entry.name.startswith((".", "__"))
    )


def spelled(name: str) -> str:
    r"""A name as text that any file can hold: a byte that is no UTF-8 becomes `\\udcff`."""
    return name.encode("utf-8", "backslashreplace").decode()


def _files(folder: Path) -> Iterator[Path]:
    for place, below, names in walked(folder):
        below[:] = sorted(n for n in below if not n.startswith(".") and n != "__MACOSX")
        yield from (Path(place) / name for name in names if _counts(name))


def _counts(name: str) -> bool:
    """Whether a file was put there by somebody."""
    return not name.startswith(".") and name.lower() not in LITTER
