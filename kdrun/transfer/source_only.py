"""No mapping: what every mapping is held against."""

from __future__ import annotations

from dataclasses import dataclass

from kdrun.transfer.mapping import Unmapped


@dataclass(kw_only=True)
class SourceOnly(Unmapped):
    """Fit the classifier to the source's standardised features, and use it on the target's."""
