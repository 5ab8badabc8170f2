"""No sample that judges a student was among those its teacher learnt from, however it got there."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import numpy as np

WORDS = ("train.progress=false", "train.epochs=1", "name=n")
DISTILL = ("method=distill", "loss=kd", "teacher=mlp", "student=linear", *WORDS)


def run_of(method: str) -> Path:
    (found,) = (path for path in Path("outputs/n").glob(f"{method}_*") if path.is_dir())
    return found


def shuffled(path: Path, order: int) -> None:
    """Random numbers with random labels: whoever is better than chance has seen them."""
    rng = np.random.default_rng(0)
    rows = [[*(f"{x:.4f}" for x in rng.standard_normal(4)), "ab"[n % 2]] for n in range(200)]
    random.Random(order).shuffle(rows)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["p", "q", "r", "s", "label"], *rows])


def test_a_table_in_another_order_has_no_teacher_of_the_first(kdrun):
    table = ("dataset=table", "dataset.path=x.csv", "dataset.label=label")
    shuffled(Path("x.csv"), 1)
    assert kdrun(*table, *WORDS, "method=supervised", "student=mlp").status == 0
    given = f"teacher.checkpoint='{run_of('supervised')}'"
    assert kdrun(*table, *DISTILL, given).status == 0  # the split it was trained on
    shuffled(Path("x.csv"), 2)
    told = kdrun(*table, *DISTILL, given)
    assert told.status == 2
    assert "was trained on" in told.err
    assert "of the 40 samples of the test split" in told.err
    assert told.err.count("\n") <= 4
    # Trained on the way it learns from this split, and not the cached one of the other.
    assert kdrun(*table, *DISTILL, "teacher.recipe.epochs=1").status == 0
    record = kdrun(*table, *DISTILL, "teacher.recipe.epochs=1").out
    assert "done before" in record


def test_nor_has_another_cut_of_texts(kdrun):
    words = ["good", "bad", "fine", "poor", "great", "awful", "long", "short"]
    draw = random.Random(3)
    lines = [f"{' '.join(draw.choices(words, k=6))} {n},{n % 2}" for n in range(120)]
    Path("x.csv").write_text("\n".join(["text,label", *lines]))
    data = ("dataset=text", "dataset.path=x.csv")
    assert kdrun(*data, *WORDS, "method=supervised", "student=mlp").status == 0
    given = f"teacher.checkpoint='{run_of('supervised')}'"
    told = kdrun(*data, *DISTILL, given)
    assert told.status == 0, told.err
    told = kdrun(*data, *DISTILL, given, "dataset.test_fraction=0.4")
    assert told.status == 2
    assert "was trained on" in told.err


def test_repetitions_in_the_data_are_no_leak(kdrun):
    rows = ["p,label", *(f"{n % 5},{'ab'[n % 2]}" for n in range(100))]
    Path("x.csv").write_text("\n".join(rows))
    table = ("dataset=table", "dataset.path=x.csv", "dataset.label=label", "dataset.keep=[p]")
    assert kdrun(*table, *WORDS, "method=supervised", "student=mlp").status == 0
    given = f"teacher.checkpoint='{run_of('supervised')}'"
    told = kdrun(*table, *DISTILL, given, "dataset.split_seed=3", "dataset.train_size=20")
    assert told.status == 0, told.err
