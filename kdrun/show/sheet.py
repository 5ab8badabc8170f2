"""A sheet of pictures: each as it is tested on, and beside it as it is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from kdrun.config import called
from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.dataset.split import sample_ids
from kdrun.dataset.spot import Spot
from kdrun.results.sheet import Cell, drawn
from kdrun.task.overlay import framed
from kdrun.task.palette import colours
from kdrun.types import Batch, Dataset, Split

if TYPE_CHECKING:
    from PIL import Image


def sheet(
    data: Dataset, split: Split, chosen: Sequence[int], plain: Mapping[str, Any], views: int
) -> tuple[Image.Image, list[str]]:
    """The picture, and what stands on it in words.

    Args:
        data: whose split it is.
        split: of pictures.
        chosen: positions of the samples, a row each.
        plain: the config of a run, which says how pictures are augmented.
        views: how many epochs are shown; 0: only as they are.
    """
    section, own = plain["dataset"], plain["dataset"].get("view_seed")
    seed = plain["seed"] if own is None else own
    index = torch.tensor(list(chosen))
    still = _batch(data, split, index, None, seed, 0)
    shown = [_pictures(data, still, [_name(data, split, n) for n in chosen])]
    if views:
        augment: Augment = called.augment(plain)()
        many = section.get("views")
        for epoch in range(views):
            view = epoch if many is None else epoch % many
            batch = _batch(data, split, index, augment, seed, view)
            shown.append(_pictures(data, batch, _labels(data, batch)))
    rows = [list(row) for row in zip(*shown, strict=True)]
    heads = ["as tested", *(f"epoch {epoch + 1}" for epoch in range(views))]
    size = f"{data.shape[1]}x{data.shape[2]}" if not isinstance(data.shape, dict) else ""
    told = [f"{size} pixels; {', '.join(_changes(plain)) or 'nothing is augmented'}"]
    return drawn(heads, rows), told


def _batch(
    data: Dataset, split: Split, index: Tensor, augment: Augment | None, seed: int, view: int
) -> Batch:
    """Some samples as a loader gives them in an epoch."""
    loader = make_loader(
        split, len(index), seed=seed, train=augment is not None, augment=augment, task=data.task
    )
    batch: Batch = loader.at(Spot(index, view))  # type: ignore[attr-defined]  # whatever its source
    return batch


def _changes(plain: Mapping[str, Any]) -> list[str]:
    """What augmentation does, in the words that set it."""
    given = plain["dataset"].get("augment") or {}
    usual = Augment()
    return [f"{k}={v}" for k, v in given.items() if v != getattr(usual, k)]


def _name(data: Dataset, split: Split, place: int) -> str:
    name = sample_ids(split)[place]
    if not data.task.classifies:
        return name
    label = data.task.labels(split.targets[place : place + 1])[0] or "no label"
    return label if name.isdigit() else f"{label}: {name.rpartition('/')[2]}"


def _labels(data: Dataset, batch: Batch) -> list[str]:
    """What each picture is labelled as; shares of two classes where they were mixed."""
    target = batch.target
    if not data.task.classifies:
        return [""] * len(target)
    if target.ndim == 1:
        return data.task.labels(target)
    found = []
    for row in target:
        shares = [(float(p), data.classes[n]) for n, p in enumerate(row) if p >= 0.005]
        found.append(" + ".join(f"{p:.2f} {name}" for p, name in sorted(shares, reverse=True)))
    return found


def _pictures(data: Dataset, batch: Batch, names: Sequence[str]) -> list[Cell]:
    assert isinstance(batch.input, Tensor)
    images = (batch.input * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    images = images.expand(-1, -1, -1, 3) if images.shape[3] == 1 else images
    if data.task.spatial:
        table = torch.tensor(colours(), dtype=torch.uint8)
        masks = table[batch.target.clamp(min=-1) % 256]  # what does not count is the last colour
        images = torch.cat([images, masks], 2)
    elif data.task.boxed:
        images = framed(images, batch.target[..., :5])
    return list(zip(images, names, strict=True))
