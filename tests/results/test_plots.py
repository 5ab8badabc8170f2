"""Every run can be drawn: one epoch or many, two classes or hundreds, whatever they are called."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from kdrun.results import plots
from tests.fabricated import history


def grey(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def width(path) -> int:
    return grey(path).shape[1]


def ink(path) -> float:
    """Share of the pixels that are not white."""
    return float((grey(path) < 250).mean())


@pytest.mark.parametrize("epochs", [1, 2, 30])
def test_curves_of_any_length(tmp_path, epochs):
    plots.curves(history(0, 0.9, epochs), tmp_path / "curves.png")
    assert os.listdir(tmp_path) == ["curves.png"]
    assert 0.005 < ink(tmp_path / "curves.png") < 0.5


def test_curves_skip_what_was_not_measured(tmp_path):
    """No validation split: one panel. A term that starts late, or is not finite: a gap."""
    rows = [{"epoch": 1, "loss": 1.0, "val_accuracy": None}]
    rows += [{"epoch": 2, "loss": float("nan"), "loss_at": 0.5, "val_accuracy": None}]
    plots.curves(rows, tmp_path / "one.png")
    plots.curves(history(0, 0.9, 2), tmp_path / "two.png")
    assert width(tmp_path / "one.png") < 0.6 * width(tmp_path / "two.png")


def test_no_epochs_no_picture(tmp_path):
    plots.curves([], tmp_path / "curves.png")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("classes", [1, 2, 20, 100, 150])
def test_confusion_of_any_size(tmp_path, classes):
    matrix = np.eye(classes, dtype=int) * 9
    plots.confusion(matrix.tolist(), [str(i) for i in range(classes)], tmp_path / "c.png")
    assert ink(tmp_path / "c.png") > 0.01


def test_a_class_without_samples_and_names_of_any_kind(tmp_path):
    names = ["$\\frac{", "猫", "x" * 300, ""]
    matrix = [[3, 1, 0, 0], [0, 0, 0, 0], [0, 0, 5, 0], [0, 2, 0, 0]]
    plots.confusion(matrix, names, tmp_path / "c.png")
    assert width(tmp_path / "c.png") < 1500


def test_plots_need_no_pyplot(tmp_path):
    script = (
        "import sys; from kdrun.results import plots; assert 'matplotlib' not in sys.modules;"
        "plots.confusion([[1]], ['a'], sys.argv[1]); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "c.png"], check=True)
