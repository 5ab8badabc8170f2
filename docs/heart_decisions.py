"""Write a spreadsheet of decisions about the patients of `dataset=heart`, with holes and quarrels.

    KDRUN_DATA=... python docs/heart_decisions.py

writes heart_decisions.csv for teacher=recorded: the diagnoses of the 644 training patients of the
four hospitals, as an expert might have left them. A fifth of the patients have no row, and a
twentieth of the others stand there twice, healthy and sick.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from kdrun.dataset.heart import heart
from kdrun.dataset.split import sample_ids

MISSING, CONTRADICTED = 0.2, 0.05
EVERYBODY = "cleveland+hungarian+switzerland+va"


def main() -> None:
    """Write the file into the working folder, and say what is in it."""
    root = Path(os.environ.get("KDRUN_DATA", "data")) / "heart_disease"
    data = heart(str(root), source=None, target=EVERYBODY, val_fraction=0)
    patients = list(zip(sample_ids(data.train), data.train.targets.tolist(), strict=True))
    random = np.random.default_rng(0)
    order = random.permutation(len(patients))
    decided = sorted(order[round(MISSING * len(patients)) :].tolist())
    twice = set(random.choice(decided, round(CONTRADICTED * len(decided)), replace=False).tolist())
    with Path("heart_decisions.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "label"])
        for position in decided:
            name, label = patients[position]
            writer.writerow([name, data.classes[label]])
            if position in twice:
                writer.writerow([name, data.classes[1 - label]])
    print(f"{len(patients)} patients, {len(decided)} decided, {len(twice)} of them twice")


if __name__ == "__main__":
    main()
