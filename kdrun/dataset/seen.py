"""Which samples a network has learnt from: none of them may be among those it is judged by."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kdrun.dataset.digest import numbers
from kdrun.results.record import atomic
from kdrun.security import bounds
from kdrun.types import Dataset, Split

SEEN = "samples.npz"
"""Beside the weights of a run: digests of the samples it was trained and tested on."""

Digests = npt.NDArray[np.uint64]


def write_seen(run_dir: Path, data: Dataset) -> None:
    """Write down what a run has learnt from, and what it was tested on.

    Args:
        run_dir: its folder.
        data: of the run; those of a source count as learnt from.
    """
    trained = [data.train, *([data.source.train] if data.source else [])]
    learnt = np.unique(np.concatenate([numbers(split) for split in trained]))
    with atomic(run_dir / SEEN) as temporary, temporary.open("wb") as file:
        np.savez(file, train=learnt, test=np.unique(numbers(data.test)))


def check_unseen(weights: Path, data: Dataset) -> None:
    """Refuse weights that were trained on samples of a test split.

    A sample counts if it was among those that the weights were trained on and stood neither in
    their own test split nor in the training data beside this test split: those are repetitions in
    the data, which `dataset.summary` tells of.

    Args:
        weights: a file, or the folder of a run. What does not come from a run says nothing.
        data: whose test split is to judge.

    Raises:
        ValueError: some of its samples are known to the weights.
    """
    if (noted := _noted(weights)) is None:
        return
    train, test = noted
    judged = numbers(data.test)
    known = np.isin(judged, train) & ~np.isin(judged, test)
    if known.any():
        known &= ~np.isin(judged, numbers(data.train))
    if known.any():
        raise ValueError(
            f"{weights} was trained on {known.sum():,} of the {len(judged):,} samples of the test "
            "split, so that its accuracy there would be no measurement: the data are cut in "
            "another way, or stand in another order, than those it was trained on. Train it "
            "again on this split, without `checkpoint`, or give the data it was trained on"
        )


def count_known(weights: Path, split: Split) -> int:
    """How many samples of a split weights were trained on, as far as the folder of a run says.

    Raises:
        ValueError: it is damaged.
    """
    noted = _noted(weights)
    return 0 if noted is None else int(np.isin(numbers(split), noted[0]).sum())


def _noted(weights: Path) -> tuple[Digests, Digests] | None:
    """Digests of what weights were trained and tested on; None where nothing says it."""
    noted = (weights if weights.is_dir() else weights.parent) / SEEN
    if not noted.is_file():
        return None
    bounds.check_zip(noted, "samples that weights were trained on")
    try:
        with np.load(noted, allow_pickle=False) as found:
            return found["train"], found["test"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{noted} is damaged ({error}): train {weights} again") from error
