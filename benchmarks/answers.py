"""A sweep of eight students over one teacher: asked live, asked once, and side by side.

All are typed as a user would, in an empty folder with a teacher that is trained before. Told are
the seconds of each sweep, those of the processor, the load of the machine in its last minute, how
often the teacher was asked about all training samples, as the rows count it, and whether the
students' weights are the same.

    python benchmarks/answers.py
    python benchmarks/answers.py dataset=cifar100 teacher=wrn_40_2 student=wrn_16_2 train.epochs=4
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tabulate import tabulate

USUAL = ("teacher=resnet56", "student=resnet8", "train.epochs=6")
SEEDS = "0,1,2,3,4,5,6,7"
WAYS = {
    "one by one, live": ("teacher.cache=none",),
    "one by one, asked once": ("teacher.cache=auto",),
    # Those that were kept just now are not looked up.
    "side by side": ("hydra/launcher=together", "teacher.cache=none"),
}


class Took(NamedTuple):
    """What a command took: seconds, those of the processor, and the mean load of the machine."""

    seconds: float
    processor: float
    load: float


def kdrun(folder: Path, *words: str) -> Took:
    """Type a command, and tell what it took."""
    begin, before = time.perf_counter(), _spent()
    command = [sys.executable, "-m", "kdrun", *words, "train.progress=false", "estimate=false"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return Took(time.perf_counter() - begin, _spent() - before, os.getloadavg()[0])


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    """Of the table of a sweep, by seed."""
    with (folder / "outputs" / name / "results.csv").open() as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["seed"]))


def weights(folder: Path, name: str) -> list[str]:
    """Digests of the students, by seed."""
    records = (folder / "outputs" / name / row["run_dir"] for row in rows(folder, name))
    return [json.loads((place / "record.json").read_text())["weights_sha256"] for place in records]


def main() -> None:
    """Sweep by turns, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", default=USUAL, help="overrides of all runs")
    parser.add_argument("--rounds", type=int, default=1, help="of each way; the median counts")
    given = parser.parse_args()
    shared = [*given.words, "dataset.view_seed=0", "teacher.seed=0"]
    took: dict[str, list[Took]] = {way: [] for way in WAYS}
    names = {way: f"way{number}" for number, way in enumerate(WAYS)}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        kdrun(folder, *shared, "name=first", "seed=100", "teacher.cache=none")
        for turn in range(given.rounds):
            for way, own in WAYS.items():
                cut = f"dataset.view_seed={turn}"  # answers of another round are no help
                words = ["-m", *shared, cut, f"seed={SEEDS}", *own, f"name={names[way]}_{turn}"]
                took[way].append(kdrun(folder, *words))
                print(f"{way}: {took[way][-1]}", file=sys.stderr, flush=True)
        told = [
            [
                way,
                *(statistics.median(column) for column in zip(*took[way], strict=True)),
                sum(float(row["teacher_passes"]) for row in rows(folder, f"{names[way]}_0")),
            ]
            for way in WAYS
        ]
        found = [weights(folder, f"{name}_0") for name in names.values()]
    headers = ["8 students", "seconds", "of the processor", "load", "teacher passes"]
    print(tabulate(told, headers, floatfmt=".1f", tablefmt="github"))
    print(f"the same weights: {'yes' if all(one == found[0] for one in found) else 'NO'}")


if __name__ == "__main__":
    main()
