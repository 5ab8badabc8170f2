"""A sweep of eight students over one teacher: asked live, and asked once.

Both are typed as a user would, in an empty folder with a teacher that is trained before. Told are
the seconds of each sweep, how often the teacher was asked about all training samples, as the rows
count it, and whether the students' weights are the same.

    python benchmarks/answers.py
    python benchmarks/answers.py dataset=cifar100 teacher=wrn_40_2 student=wrn_16_2 train.epochs=4
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

USUAL = ("teacher=resnet56", "student=resnet8", "train.epochs=6")
SEEDS = "0,1,2,3,4,5,6,7"
WAYS = {"live": "none", "once": "auto"}


def kdrun(folder: Path, *words: str) -> float:
    """Seconds of a command."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "kdrun", *words, "train.progress=false", "estimate=false"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return time.perf_counter() - begin


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
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        kdrun(folder, *shared, "name=first", "seed=100", "teacher.cache=none")
        for turn in range(given.rounds):
            for way, cache in WAYS.items():
                cut = f"dataset.view_seed={turn}"  # answers of another round are no help
                words = ["-m", *shared, cut, f"seed={SEEDS}", f"teacher.cache={cache}"]
                seconds[way].append(kdrun(folder, *words, f"name={way}{turn}"))
        told = [
            [
                way,
                statistics.median(seconds[way]),
                sum(float(row["teacher_passes"]) for row in rows(folder, f"{way}0")),
                statistics.mean(float(row["train_seconds"]) for row in rows(folder, f"{way}0")),
            ]
            for way in WAYS
        ]
        same = weights(folder, "live0") == weights(folder, "once0")
    headers = ["way", "seconds of 8 students", "teacher passes", "seconds of training each"]
    print(tabulate(told, headers, floatfmt=".1f", tablefmt="github"))
    print(f"the same weights: {'yes' if same else 'NO'}")


if __name__ == "__main__":
    main()
