"""The config that some words of a command mean, for those who do not run it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def composed(words: Sequence[str], plugins: Sequence[str] = ()) -> dict[str, Any]:
    """A run's config as plain containers.

    Args:
        words: overrides, as they were typed.
        plugins: packages that were typed beside them.

    Raises:
        ValueError: something in them is not defined; the message has the nearest that is.
    """
    from omegaconf import OmegaConf

    from kdrun.config import register, validate
    from kdrun.security import trust
    from kdrun.security.beside import open_beside

    typed = [*words, *([f"plugins=[{','.join(plugins)}]"] if plugins else [])]
    trust.begin(typed)
    try:
        register.register()
        config = validate.overrides(typed)
        found = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
        assert isinstance(found, dict)
        return {str(key): value for key, value in found.items()}
    finally:
        trust.end()
        open_beside(trust.packages(typed))  # what is read by this config may lie there
