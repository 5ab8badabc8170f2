"""CIFAR-100: small photographs, the benchmark of distillation."""

from __future__ import annotations

from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.official import official
from kdrun.types import Dataset

MEAN, STD = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)


@with_cuts()
def cifar100(root: str, download: bool = False, *, cuts: Cuts) -> Dataset:
    """50,000 + 10,000 colour images of 32x32 pixels in 100 classes.

    Krizhevsky, 2009. https://www.cs.toronto.edu/~kriz/cifar.html

    Args:
        root: the folder that holds `cifar-100-python/`.
        download: fetch the files if they are missing.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: the files are damaged, or a fraction or size does not fit.
    """
    return official("CIFAR100", root, download, cuts, MEAN, STD)
