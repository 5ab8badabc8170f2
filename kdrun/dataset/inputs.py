"""Inputs without labels, for `kdrun predict`."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from kdrun.dataset.arrays import read_npz, require, to_inputs
from kdrun.dataset.image import SUFFIXES, Fit, fit_image, read_image
from kdrun.dataset.walk import image_files, leads_out, left_out, spelled
from kdrun.security.bounds import is_plain
from kdrun.types import Arrays, Files, Split

log = logging.getLogger(__name__)


def read_inputs(
    path: str | Path,
    shape: tuple[int, ...],
    fit: Fit = Fit(),  # noqa: B008  # a value
    whole: bool = False,
) -> tuple[list[str], Split]:
    """Read what a model is to classify, in the shape that it wants.

    Args:
        path: an image, a folder of images (those in its folders too), or an .npz file with the
            array `x` or `x_test`.
        shape: (C, H, W) with 1 or 3 channels, or (D,), of the model's inputs. Images are made
            grey or RGB, their centre cut to the aspect ratio, and resized.
        fit: how pictures are brought to that shape.
        whole: nothing is cut off of image files: they stand at the upper left, with black beside.

    Returns:
        A name for each sample, its path below the folder or its position in the array, and the
        samples, whose targets are -1.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ValueError: it holds no such inputs, or they do not fit `shape`.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"there is no {path}: name an image, a folder of images or an .npz file."
        )
    if not path.is_dir() and not is_plain(path):
        raise ValueError(f"{path} is no plain file, and is not opened")
    if path.suffix.lower() == ".npz":
        inputs = _arrays(path, shape)
        return [str(position) for position in range(len(inputs))], _unlabelled(inputs)
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"{path} is neither an image ({', '.join(SUFFIXES)}) nor an .npz file, nor a folder."
        )
    if len(shape) != 3:
        raise ValueError(
            f"{path} holds images, but the model reads rows of {shape[0]} numbers: give an .npz "
            f"file with an array x of shape (N, {shape[0]})."
        )
    left = Counter[str]()
    files = image_files(path, left) if path.is_dir() else [str(path)]
    told = left_out(left, str(path))
    if not files:
        raise ValueError(f"{path} holds no images ({', '.join(SUFFIXES)}). {told or ''}".strip())
    for sentence in filter(None, (told, leads_out(path, files) if path.is_dir() else None)):
        log.warning("%s", sentence)
    below = path if path.is_dir() else path.parent
    names = [spelled(str(Path(file).relative_to(below))) for file in files]
    if whole:
        size = (shape[0], shape[1], shape[2])
        images = torch.stack([read_image(file, size, *fit, whole=True) for file in files])
        return names, _unlabelled(images.permute(0, 3, 1, 2))
    return names, fitted(Files(files, _unknown(len(files)), shape[1]), shape, fit)


def fitted(files: Files, shape: tuple[int, ...], fit: Fit) -> Split:
    """Image files in the shape of a model's inputs; decoded at once where that is not as usual.

    Args:
        files: of any size.
        shape: (C, H, W), as for `read_inputs`.
        fit: likewise.
    """
    channels, height, width = shape
    if channels == 3 and height == width:
        return replace(files, image_size=height, **fit._asdict())
    size = (channels, height, width)
    images = torch.stack([read_image(file, size, *fit) for file in files.paths])
    return Arrays(images.permute(0, 3, 1, 2), files.targets, files.ids, task=files.task)


def resized(images: Tensor, shape: tuple[int, ...]) -> Tensor:
    """(N, C, H, W) bytes in another shape: grey or RGB, their centre, resized."""
    from PIL import Image

    channels, height, width = shape
    pixels = [image.squeeze(2).numpy() for image in images.permute(0, 2, 3, 1)]
    made = [fit_image(Image.fromarray(image), (channels, height, width)) for image in pixels]
    return torch.stack(made).permute(0, 3, 1, 2)


def _arrays(path: Path, shape: tuple[int, ...]) -> Tensor:
    """The inputs of an .npz file; images are converted if they have another shape."""
    arrays = read_npz(path)
    name = "x" if "x" in arrays else "x_test"
    inputs = to_inputs(require(arrays, name, path), name)
    if len(inputs) == 0:
        raise ValueError(f"{path}: {name} holds no samples.")
    if tuple(inputs.shape[1:]) == tuple(shape):
        return inputs
    if inputs.dim() != 4 or len(shape) != 3:
        raise ValueError(
            f"{path}: the samples of {name} have the shape {tuple(inputs.shape[1:])}, but the "
            f"model reads {tuple(shape)}: give it what it was trained on."
        )
    return resized(inputs, shape)


def _unlabelled(inputs: Tensor) -> Arrays:
    return Arrays(inputs, _unknown(len(inputs)))


def _unknown(count: int) -> Tensor:
    return torch.full((count,), -1)
