"""Handwritten digits, and any other small images, from several sources, in one form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.dataset.arrays import read_npz
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.digits import digits
from kdrun.dataset.domains import Domain, Labels, check_names, combine
from kdrun.dataset.idx import read_idx_folder
from kdrun.dataset.npz import check_parts
from kdrun.types import Arrays, Dataset, Split

PLACES = {
    "mnist": "MNIST/raw",
    "fashion_mnist": "FashionMNIST/raw",
    "usps": "usps.npz",
    "digits": "",  # part of scikit-learn
}
"""Domains known by name, and where below `root` their files lie."""

# fmt: off
ARTICLES = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]
"""The classes of Fashion-MNIST, which its files do not name."""
# fmt: on

LUMA = (0.299, 0.587, 0.114)
"""Share of red, green and blue in grey (ITU-R BT.601)."""


@with_cuts()
def digit_domains(
    root: str,
    source: str | None = "mnist",
    target: str = "usps",
    labels: Labels = "all",
    image_size: int = 28,
    channels: Literal[1, 3] = 1,
    *,
    cuts: Cuts,
) -> Dataset:
    """Images of several sources, brought to one size and number of channels.

    A domain is `mnist`, `fashion_mnist`, `usps` or `digits`, or the path of an .npz file or of a
    folder of idx files of your own. Their own test splits are kept.

    Args:
        root: the folder that holds `MNIST/raw/`, `FashionMNIST/raw/` and `usps.npz`.
        source: the domain that knowledge comes from; None for the target alone.
        target: the domain that counts.
        labels: `all`, `none`, or how many training samples of the target keep their label.
        image_size: height and width.
        channels: 1 for grey, 3 for colour.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: the files of a domain are not there.
        ValueError: no such domain, damaged files, or a fraction or size does not fit.
    """
    if image_size < 4 or channels not in (1, 3):
        raise ValueError(
            f"dataset.image_size={image_size}, dataset.channels={channels}: give 4 pixels or more "
            "and 1 or 3 channels."
        )
    names = (name for name in (source, target) if name is not None)
    check_names(source, target, {*PLACES, *(name for name in names if Path(name).exists())})

    def domain(name: str, cuts: Cuts) -> Domain:
        whole, official, classes = _read(name, Path(root))
        train, test = cuts.divide(whole, official)
        form = (channels, image_size)
        return Domain(name, _brought_to(train, *form), _brought_to(test, *form), classes)

    return combine(
        domain(target, cuts),
        domain(source, cuts.unfolded) if source else None,
        labels=labels,
        cuts=cuts,
    )


def _read(name: str, root: Path) -> tuple[Split, Split, list[str]]:
    if name == "digits":
        data = digits(val_fraction=0)
        return data.train, data.test, data.classes
    path = root / PLACES[name] if name in PLACES else Path(name)
    arrays = read_idx_folder(path) if path.suffix != ".npz" else read_npz(path)
    parts, classes = check_parts(arrays, path)
    return parts["train"], parts["test"], ARTICLES if name == "fashion_mnist" else classes


def _brought_to(split: Split, channels: int, size: int) -> Arrays:
    """The images with so many channels, and so many pixels in height and width."""
    assert isinstance(split, Arrays)
    images = split.inputs
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        raise ValueError("dataset=digit_domains is for images, and this file holds rows.")
    if images.shape[1] > channels:
        grey = images.float().mul_(torch.tensor(LUMA).view(3, 1, 1)).sum(1, keepdim=True)
        images = grey.round_().to(torch.uint8)
    if images.shape[2:] != (size, size):
        # Antialiased, as Pillow does it: without, thin strokes vanish when an image shrinks.
        resized = F.interpolate(
            images.float(), (size, size), mode="bilinear", antialias=True, align_corners=False
        )
        images = resized.round_().clamp_(0, 255).to(torch.uint8)
    return replace(split, inputs=images.expand(-1, channels, -1, -1).contiguous())
