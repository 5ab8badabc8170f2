"""Fashion-MNIST: articles of clothing."""

from __future__ import annotations

from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.official import official
from kdrun.types import Dataset

MEAN, STD = (0.2860,), (0.3530,)


@with_cuts()
def fashion_mnist(root: str, download: bool = False, *, cuts: Cuts) -> Dataset:
    """60,000 + 10,000 grey images of 28x28 pixels in 10 classes.

    Xiao, Rasul, Vollgraf, 2017. https://arxiv.org/abs/1708.07747

    Args:
        root: the folder that holds `FashionMNIST/raw/`.
        download: fetch the files if they are missing.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: the files are not there.
        ValueError: the files are damaged, or a fraction or size does not fit.
    """
    return official("FashionMNIST", root, download, cuts, MEAN, STD)
