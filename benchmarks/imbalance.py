"""Fashion-MNIST with 50 of its first class for each of its last: the data of experiment=imbalance.

python benchmarks/imbalance.py $KDRUN_DATA imbalanced.npz
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from kdrun.dataset.official import read_official
from kdrun.dataset.split import select
from kdrun.types import Arrays


def counts(most: int, ratio: float, classes: int) -> list[int]:
    """How many samples each class keeps: a geometric series from `most` to `most / ratio`."""
    return [round(most * ratio ** (-place / (classes - 1))) for place in range(classes)]


def thinned(split: Arrays, keep: list[int], seed: int) -> Arrays:
    """The samples of a split of which each class keeps so many, drawn once."""
    drawn = np.random.default_rng(seed)
    targets = split.targets.numpy()
    kept = [
        drawn.choice(np.flatnonzero(targets == label), count, replace=False)
        for label, count in enumerate(keep)
    ]
    chosen = select(split, split.targets.new_tensor(np.sort(np.concatenate(kept))))
    assert isinstance(chosen, Arrays)
    return chosen


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", help="the folder that holds FashionMNIST/")
    parser.add_argument("out", type=Path, help="the .npz to write")
    parser.add_argument("--most", type=int, default=1000, help="samples of the largest class")
    parser.add_argument("--ratio", type=float, default=50.0, help="of the largest to the smallest")
    options = parser.parse_args()
    whole, test, classes = read_official("FashionMNIST", options.root, download=False)
    keep = counts(options.most, options.ratio, len(classes))
    train = thinned(whole, keep, seed=0)
    arrays = {
        f"{letter}_{name}": value
        for name, split in (("train", train), ("test", test))
        for letter, value in (("x", split.inputs), ("y", split.targets))
    }
    np.savez(options.out, classes=np.array(classes), **arrays)
    print(f"{options.out}: {dict(zip(classes, keep, strict=True))}, {sum(keep)} in all")


if __name__ == "__main__":
    main()
