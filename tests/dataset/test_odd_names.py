"""Classes and files whose names no terminal can print train, count, plot and are read again."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NAMES = (b"a\nb", b"caf\xe9", b"\x1b[31mred", b'"q",\'s', b"$\\frac{", b"p|<b>")
SHOWN = {"a\nb", r"caf\udce9", "\x1b[31mred", '"q",\'s', "$\\frac{", "p|<b>"}


def write_images(root: bytes) -> None:
    random = np.random.default_rng(0)
    for part, count in ((b"train", 4), (b"test", 2)):
        for name in NAMES:
            place = os.path.join(root, part, name)
            os.makedirs(place)
            for number in range(count):
                with open(os.path.join(place, b"\xe9%d\n.png" % number), "wb") as file:
                    pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(file, "PNG")


@pytest.mark.pictures
def test_odd_names_from_training_to_report(kdrun) -> None:
    write_images(b"images")
    words = (
        *("method=supervised", "student=linear", "dataset=image_folder", "dataset.root=images"),
        *("dataset.image_size=8", "train.epochs=1", "train.progress=false", "dataset.augment=null"),
    )
    told = kdrun(*words)
    assert told.status == 0, told.err
    assert "\x1b[31m" not in told.err + told.out
    (run,) = Path("outputs").glob("default/supervised_*")
    made = json.loads((run / "record.json").read_text())
    assert set(made["data"]["train"]["classes"]) == SHOWN
    assert (run / "confusion.png").stat().st_size > 1000
    assert kdrun("compare", "outputs").status == 0
    assert kdrun("report", "outputs", "--out", "report.html").status == 0
    assert "12 predictions" in kdrun("predict", str(run), "images/test", "--out", "p.csv").out
    with Path("p.csv").open(newline="") as file:
        assert {row["class"] for row in csv.DictReader(file)} <= SHOWN
    assert kdrun("predict", str(run), "--record", "said.csv").status == 0
    again = ("method=distill", "loss=kd", "teacher=recorded", "teacher.path=said.csv", *words[1:])
    told = kdrun(*again)
    assert told.status == 0, told.err
    Path(os.fsdecode(b"images/train/caf\xe9/\xe9x\n.png")).write_bytes(b"no image")
    told = kdrun(*words, "seed=1")
    assert told.status == 2
    assert r"caf\udce9/\udce9x" in told.err
    assert "cannot be read as an image" in told.err
