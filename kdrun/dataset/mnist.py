"""MNIST: handwritten digits."""

from __future__ import annotations

from dataclasses import replace

from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.official import official
from kdrun.types import Dataset

MEAN, STD = (0.1307,), (0.3081,)


@with_cuts()
def mnist(root: str, download: bool = False, *, cuts: Cuts) -> Dataset:
    """60,000 + 10,000 grey images of 28x28 pixels in 10 classes.

    LeCun, Bottou, Bengio, Haffner, 1998.

    Args:
        root: the folder that holds `MNIST/raw/`.
        download: fetch the files if they are missing.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: the files are damaged, or a fraction or size does not fit.
    """
    classes = [str(digit) for digit in range(10)]  # torchvision's are "0 - zero" and so on
    return replace(official("MNIST", root, download, cuts, MEAN, STD), classes=classes)
