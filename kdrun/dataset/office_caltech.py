"""Office-Caltech-10: ten kinds of objects, as four cameras and catalogues show them."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from kdrun.dataset.arrays import Array, read_npz, require, to_inputs, to_labels
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.domains import (
    Domain,
    Labels,
    check_names,
    combine,
    own_classes,
    rows,
    standardise,
)
from kdrun.types import Arrays, Dataset


@with_cuts(test_fraction=0.3)
def office_caltech(
    path: str,
    source: str | None = "amazon",
    target: str = "webcam",
    labels: Labels = "all",
    *,
    cuts: Cuts,
) -> Dataset:
    """Histograms of 800 visual words for objects of 10 classes in 4 domains.

    Each histogram is divided by its sum, and each word standardised over the training samples of
    the source. Gong, Shi, Sha, Grauman, CVPR 2012. Any file of arrays x_NAME and y_NAME will do;
    a domain is then called NAME.

    Args:
        path: an .npz file.
        source: the domain that knowledge comes from; None for the target alone.
        target: the domain that counts.
        labels: `all`, `none`, or how many training samples of the target keep their label.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no such domain, malformed arrays, or a fraction or size does not fit.
    """
    arrays = read_npz(path)
    names = sorted(name[2:] for name in arrays if name.startswith("x_"))
    check_names(source, target, names)
    wanted = [name for name in (source, target) if name]
    read = {name: _read(arrays, name, path) for name in wanted}
    count = max(int(samples.targets.max()) for samples in read.values()) + 1
    widths = {name: tuple(rows(samples).shape[1:]) for name, samples in read.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(f"{path}: the domains have samples of different shapes, {widths}.")

    def domain(name: str, cuts: Cuts) -> Domain:
        classes = [str(number) for number in range(count)]
        return own_classes(Domain(name, *cuts.divide(read[name]), classes))

    return combine(
        domain(target, cuts),
        domain(source, cuts.unfolded) if source else None,
        labels=labels,
        cuts=cuts,
        fit=standardise,
    )


def _read(arrays: Mapping[str, Array], name: str, path: str) -> Arrays:
    """One domain, each sample divided by its sum."""
    counts = to_inputs(require(arrays, f"x_{name}", path), f"x_{name}")
    targets = to_labels(require(arrays, f"y_{name}", path), f"y_{name}")
    if counts.dim() != 2 or len(counts) != len(targets):
        raise ValueError(
            f"{path}: x_{name} has the shape {tuple(counts.shape)} and y_{name} {len(targets)} "
            "labels: give rows (N, D), and as many labels."
        )
    totals = counts.abs().sum(1, keepdim=True)
    return Arrays(counts / totals.clamp(min=torch.finfo().tiny), targets)
