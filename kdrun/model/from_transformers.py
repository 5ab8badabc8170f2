"""Where networks of transformers for pixels and boxes are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def network(
    kind: Any, config: Any, name: str | None, pretrained: bool, settings: Mapping[str, Any]
) -> Any:
    """A network of a configuration, with the weights of a folder or with fresh ones.

    Raises:
        ValueError: no folder is named, or the configuration or the weights do not fit.
    """
    from kdrun.model.transformers import load_weights

    if pretrained and name is None:
        raise ValueError("pretrained=true loads the weights of a folder: give its model.name")
    try:
        return load_weights(kind, name, config) if pretrained and name else kind(config)
    except (RuntimeError, OSError, IndexError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{config.model_type} with {dict(settings)}: {reason}") from error
