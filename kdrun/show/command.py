"""`kdrun show`: samples of a dataset as a network sees them, as a picture or as text."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdrun.config.nearest import nearest
from kdrun.security import bounds
from kdrun.terminal.printable import printable

if TYPE_CHECKING:
    from kdrun.types import Dataset, Split

DESCRIPTION = """Samples of a dataset as a network sees them: pictures as a sheet, with the views
that augmentation makes of them; masks beside their pictures; tables and texts as text."""

SPLITS = ("train", "val", "test")


def main(arguments: list[str]) -> int:
    """Write a sheet, or print text; returns the exit status."""
    parser = argparse.ArgumentParser(prog="kdrun show", description=DESCRIPTION)
    parser.add_argument("words", nargs="*", help="of a run: dataset=NAME augment=photo seed=1 ...")
    parser.add_argument("--split", default="train", help="train (default), val or test")
    parser.add_argument("--samples", type=int, default=8, help="how many, of all classes by turns")
    parser.add_argument("--views", type=int, default=5, help="epochs to show of each picture")
    parser.add_argument("--out", help="the picture to write; DATASET.png without it")
    parser.add_argument("--plugin", action="append", default=[], help="a package to trust")
    bounds.add_option(parser)
    options = parser.parse_args(arguments)
    try:
        bounds.allow(options.max_memory)
        for line in show(
            options.words,
            options.split,
            options.samples,
            options.views,
            Path(options.out) if options.out else None,
            options.plugin,
        ):
            print(printable(line))
    except (ValueError, OSError) as error:
        told = printable(error, lines=True).replace("\n", "\n  ")
        print(f"kdrun show: {told}", file=sys.stderr)
        return 2
    return 0


def show(
    words: Sequence[str],
    part: str,
    samples: int,
    views: int,
    out: Path | None = None,
    plugins: Sequence[str] = (),
) -> list[str]:
    """Lines about some samples; of pictures, the sheet is written and named.

    Args:
        words: of a run.
        part: the split: train, val or test; only the first is augmented.
        samples: how many.
        views: of each picture in training.
        out: the file of a sheet; None: called as the dataset.
        plugins: packages that a `_target_` may lie in.

    Raises:
        ValueError: something in the words is not defined, or there is no such split.
        OSError: the data are not there, or the sheet cannot be written.
    """
    from kdrun.config.composed import composed
    from kdrun.run.data import learnt_from
    from kdrun.sample import rows_shape

    if part not in SPLITS:
        raise ValueError(f"--split {part} is not defined; {nearest(part, SPLITS)}")
    if samples < 1 or views < 1:
        raise ValueError("--samples and --views: give 1 or more")
    plain = composed(words, plugins)
    data = learnt_from(plain)
    split: Split | None = getattr(data, part)
    if split is None:
        raise ValueError(
            f"--split {part}: {plain['dataset']['name']} has none (dataset.val_fraction)"
        )
    chosen = by_turns(data, split, samples)
    if len(rows_shape(data.shape)) != 3 or isinstance(data.shape, dict):
        from kdrun.show.lines import lines

        return lines(data, split, chosen)
    from kdrun.show.sheet import sheet

    path = out or Path(f"{plain['dataset']['name']}.png")
    image, told = sheet(data, split, chosen, plain, views if part == "train" else 0)
    from kdrun.results.record import atomic

    with atomic(path) as temporary:
        image.save(temporary, format="PNG")
    return [*told, f"{len(chosen)} samples of {part} in {path}"]


def by_turns(data: Dataset, split: Split, samples: int) -> list[int]:
    """Positions of samples, one of each class after the other, in the order of the split."""
    groups: dict[Any, list[int]] = {}
    keys = split.targets.tolist() if data.task.classifies else [0] * len(split)
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    found: list[int] = []
    waiting = [groups[key] for key in sorted(groups)]
    for turn in range(max(map(len, waiting))):
        found += [group[turn] for group in waiting if turn < len(group)]
        if len(found) >= samples:
            break
    return found[:samples]
