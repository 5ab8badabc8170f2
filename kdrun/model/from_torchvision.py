"""Networks of torchvision by name, for pictures in colour, with weights of the backbone or none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kdrun.config.nearest import nearest


def made(
    name: str,
    known: Iterable[str],
    in_channels: int,
    pretrained: bool,
    **options: Any,
) -> Any:
    """One of torchvision's networks.

    Args:
        name: of it.
        known: the names that are allowed.
        in_channels: of the picture.
        pretrained: load torchvision's weights of the backbone.
        options: of the network, such as `num_classes`.

    Raises:
        ValueError: there is no such network, or the picture has other channels than three.
    """
    from torchvision import models

    known = list(known)
    if name not in known:
        raise ValueError(f"torchvision's '{name}' is not known here; {nearest(name, known)}")
    if in_channels != 3:
        raise ValueError(f"torchvision's {name} reads 3 channels, and the data have {in_channels}")
    backbone = "DEFAULT" if pretrained else None
    return models.get_model(name, weights=None, weights_backbone=backbone, **options)
