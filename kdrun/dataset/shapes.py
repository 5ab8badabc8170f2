"""Digits pasted on photographs: labels of pixels, or boxes, without a download."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.config.nearest import nearest
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.digits import read_digits
from kdrun.dataset.random import integers, uniform
from kdrun.dataset.split import channel_statistics
from kdrun.task.detection import Detection, stacked
from kdrun.task.segmentation import Segmentation
from kdrun.types import Arrays, Dataset

CLASSES = ("background", *(str(digit) for digit in range(10)))

INK = 96
"""From this level of grey on, of 255, a pixel is part of a digit."""

MOST = 3
"""Digits in a picture."""

SEEN = 0.25
"""Of a digit's pixels, so many have to be seen behind later ones for it to have a box."""

TASKS = ("segmentation", "detection")


@with_cuts()
def shapes(
    image_size: int = 64,
    samples: int = 1000,
    test_samples: int = 300,
    seed: int = 0,
    task: str = "segmentation",
    *,
    cuts: Cuts,
) -> Dataset:
    """Pictures of one to three handwritten digits on a piece of a photograph.

    Of segmentation, each pixel has a class, the background one of them; of detection, each digit
    has a box around its ink, unless later ones cover three quarters of it.

    The digits and the two photographs come with scikit-learn. Digits of training pictures are
    never in test pictures; neither are pieces of the photographs, whose lower third is kept for
    testing. A digit is 2 to 3 times as large as it was written, in a colour of its own, and may
    cover an earlier one.

    Args:
        image_size: height and width, 32 or more.
        samples: pictures to train on, before the cut of a validation split.
        test_samples: pictures to test on.
        seed: what all that is drawn is a function of.
        task: segmentation or detection.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        ValueError: a size does not fit.
    """
    if not 32 <= image_size <= 128:
        raise ValueError(f"dataset.image_size={image_size}: give 32 to 128 pixels.")
    if task not in TASKS:
        raise ValueError(f"dataset.task={task} is not defined here; {nearest(task, TASKS)}")
    digits, photographs = read_digits(), _photographs()
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(20))
    edge = len(order) * 4 // 5
    drawn = (image_size, seed, task == "detection")
    whole = _pictures(digits, order[:edge], photographs, "train", samples, *drawn)
    test = _pictures(digits, order[edge:], photographs, "test", test_samples, *drawn)
    train, val, test_split = cuts.split(whole, test)
    mean, std = channel_statistics(train)
    shape = (3, image_size, image_size)
    classes = list(CLASSES[1:] if task == "detection" else CLASSES)
    return Dataset(train, val, test_split, classes, shape, mean, std)


def _photographs() -> list[Tensor]:
    """(3, H, W) uint8."""
    from sklearn.datasets import load_sample_images

    return [
        torch.from_numpy(image.copy()).permute(2, 0, 1) for image in load_sample_images().images
    ]


def _pictures(
    digits: Arrays,
    chosen: Tensor,
    photographs: list[Tensor],
    part: str,
    count: int,
    size: int,
    seed: int,
    boxed: bool,
) -> Arrays:
    if count < 1:
        raise ValueError(f"dataset.samples and test_samples: give 1 picture or more, not {count}.")
    index = torch.arange(count)

    def draw(what: str, below: int) -> list[int]:
        return integers(seed, 0, index, f"{part} {what}", below).tolist()

    photo = draw("photograph", len(photographs))
    rows, columns = draw("row", 2**30), draw("column", 2**30)
    number = [1 + n for n in draw("number", MOST)]
    places = [
        {name: draw(f"{name} {n}", 2**30) for name in ("digit", "side", "row", "column")}
        for n in range(MOST)
    ]
    tints = [uniform(seed, 0, index, f"{part} tint {n}") for n in range(3 * MOST)]
    images = torch.empty(count, 3, size, size, dtype=torch.uint8)
    targets = torch.zeros(count, size, size, dtype=torch.int64)
    boxes = []
    assert isinstance(digits.inputs, Tensor)
    for k in range(count):
        images[k] = _piece(photographs[photo[k]], part, rows[k], columns[k], size)
        inked = []
        for n in range(number[k]):
            drawn = {name: values[k] for name, values in places[n].items()}
            one = int(chosen[drawn["digit"] % len(chosen)])
            tint = torch.stack([tints[3 * n + channel][k] for channel in range(3)])
            label = 1 + int(digits.targets[one])
            inked.append(
                (label, _paste(images[k], targets[k], digits.inputs[one], label, tint, drawn))
            )
        boxes.append(_boxes(inked) if boxed else [])
    ids = [f"{part}/{k}" for k in range(count)]
    if boxed:
        return Arrays(images, stacked(boxes, MOST), ids=ids, task=Detection(CLASSES[1:]))
    return Arrays(images, targets, ids=ids, task=Segmentation(CLASSES))


def _boxes(inked: list[tuple[int, Tensor]]) -> list[list[float]]:
    """Around the ink of each digit that is seen behind those pasted after it.

    Args:
        inked: the label of each digit, from 1, and (H, W) where its ink is.
    """
    found = []
    for place, (label, ink) in enumerate(inked):
        later = [other for _, other in inked[place + 1 :]]
        seen = ink & ~torch.stack(later).any(0) if later else ink
        if int(seen.sum()) < SEEN * int(ink.sum()):
            continue
        down, across = ink.any(1).nonzero(), ink.any(0).nonzero()
        sides = [across.min(), down.min(), across.max() + 1, down.max() + 1]
        found.append([label - 1.0, *(float(side) for side in sides), 0.0])
    return found


def _piece(photograph: Tensor, part: str, row: int, column: int, size: int) -> Tensor:
    _, height, width = photograph.shape
    edge = height * 2 // 3
    first, last = (0, edge - size) if part == "train" else (edge, height - size)
    top, left = first + row % (last - first + 1), column % (width - size + 1)
    return photograph[:, top : top + size, left : left + size]


def _paste(
    image: Tensor, target: Tensor, digit: Tensor, label: int, tint: Tensor, drawn: dict[str, int]
) -> Tensor:
    """Lay a digit over a picture and its labels, in place; (H, W) where its ink is."""
    side = 16 + drawn["side"] % 9
    ink = F.interpolate(digit[None].float(), size=(side, side), mode="bilinear")[0, 0]
    size = image.shape[-1]
    top, left = drawn["row"] % (size - side + 1), drawn["column"] % (size - side + 1)
    inside = (slice(top, top + side), slice(left, left + side))
    on = ink >= INK
    colour = (tint * 255).view(3, 1, 1).to(torch.uint8)
    window = image[(slice(None), *inside)]
    window.copy_(torch.where(on, colour, window))
    labels = target[inside]
    labels.copy_(torch.where(on, label, labels))
    inked = torch.zeros_like(target, dtype=torch.bool)
    inked[inside] = on
    return inked
