"""The principal components of what a teacher says of all training samples."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def leading(batches: Iterable[Tensor], width: int) -> tuple[Tensor, Tensor]:
    """Mean and leading components of some rows, so scaled that their variance is 1 on average.

    Args:
        batches: (n, D) rows each, all of one device.
        width: K, how many components.

    Returns:
        (D,) and (D, K): what is said is `(row - mean) @ projection`.

    Raises:
        ValueError: all rows are the same.
    """
    count, total, products = 0, torch.zeros(()), torch.zeros(())
    origin: Tensor | None = None
    for given in batches:
        origin = given.mean(0) if origin is None else origin
        rows = given - origin  # near zero, so that products of large means do not cancel
        count += len(rows)
        # float64 for sums over a whole split; on the CPU because not every device has it
        total = total + rows.sum(0).cpu().double()
        products = products + (rows.T @ rows).cpu().double()
    assert origin is not None
    mean = total / count
    values, vectors = torch.linalg.eigh(products / count - torch.outer(mean, mean))
    components = vectors.flip(1)[:, :width]
    # Eigenvectors have no sign of their own; every machine takes the same.
    signs = components.gather(0, components.abs().argmax(0, keepdim=True)).sign()
    variance = values.flip(0)[:width].mean()
    if not variance > 0:
        raise ValueError("the teacher says the same of every sample: it has no components")
    return mean.to(origin) + origin, (components * signs / variance.sqrt()).to(origin)
