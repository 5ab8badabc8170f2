"""A linear probe first, then fine-tuning from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdrun.model.features import Network
from kdrun.transfer import Source
from kdrun.transfer.fine_tune import FineTune
from kdrun.transfer.freeze_backbone import Probe
from kdrun.types import Loader


class LPFT(FineTune):
    """Fit a classifier of the source's features, then train all of the network from there.

    Under a random classifier the first steps distort the features that were transferred; under a
    fitted one they hardly do. That holds for the network that the classifier was fitted to, so
    batch norm keeps the source's statistics: with those of the target's batches, training would
    begin in another network, at a loss above that of guessing.

    Kumar, Raghunathan, Jones, Ma, Liang, ICLR 2022.
    https://arxiv.org/abs/2202.10054

    Args:
        classifier: see `Probe`.
        regressor: likewise.
        cache: likewise.
        layer_decay: see `FineTune`.
        unfreeze: likewise.
        l2_sp: likewise.
        l2_sp_head: likewise.
        freeze_statistics: likewise.
    """

    def __init__(
        self,
        classifier: Any,
        regressor: Any,
        cache: Path | None = None,
        layer_decay: float = 1.0,
        unfreeze: int = 0,
        l2_sp: float = 0.0,
        l2_sp_head: float = 0.0,
        freeze_statistics: bool = True,
    ) -> None:
        super().__init__("reset", layer_decay, unfreeze, l2_sp, l2_sp_head, freeze_statistics)
        self.probe = Probe(classifier, regressor, cache)

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The source's backbone under a fitted classifier; see `Strategy`."""
        student = super().__call__(student, source, loader)
        self.probe.fit(student, loader)
        return student
