"""No mapping: what every mapping is held against."""

from __future__ import annotations

from dataclasses import dataclass

from kdrun.dataset.arrays import Array
from kdrun.transfer.affine import Affine
from kdrun.transfer.mapping import Mapping, reduced


@dataclass(kw_only=True)
class SourceOnly(Mapping):
    """Fit the classifier to the source's standardised features, and use it on the target's."""

    def align(self, source: Array, labels: Array, target: Array) -> tuple[Array, Affine]:
        """Both as they are."""
        return source, reduced(source, target, None)[2]
