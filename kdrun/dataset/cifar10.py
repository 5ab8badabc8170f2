"""CIFAR-10: small photographs."""

from __future__ import annotations

from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.official import official
from kdrun.types import Dataset

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


@with_cuts()
def cifar10(root: str, download: bool = False, *, cuts: Cuts) -> Dataset:
    """50,000 + 10,000 colour images of 32x32 pixels in 10 classes.

    Krizhevsky, 2009. https://www.cs.toronto.edu/~kriz/cifar.html

    Args:
        root: the folder that holds `cifar-10-batches-py/`.
        download: fetch the files if they are missing.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: the files are damaged, or a fraction or size does not fit.
    """
    return official("CIFAR10", root, download, cuts, MEAN, STD)
