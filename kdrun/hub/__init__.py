"""What is to be had from a folder or from the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdrun.config.nearest import nearest
from kdrun.hub.place import is_place


def library() -> Any:
    """The module `transformers`: 7 s, which runs without it need not wait for.

    Raises:
        ValueError: it is not installed; the message names the extra.
    """
    try:
        import transformers
    except ImportError as error:
        raise ValueError(
            "models and tokenizers of transformers need the extra: pip install 'kdrun[text]'"
        ) from error
    return transformers


def require(key: str, name: str, file: str) -> None:
    """Refuse a path to nothing at once, for which the hub would be asked for half a minute.

    Args:
        key: of the config, for the message.
        name: a folder, or a name on the hub, which has one slash at most.
        file: what such a folder holds.

    Raises:
        ValueError: it is a path, and no folder is there; the nearest one beside it is told.
    """
    path = Path(name)
    if is_place(name):
        return
    if not (name.startswith((".", "/", "~")) or name.count("/") > 1) or path.is_dir():
        return
    beside = [each.name for each in path.parent.glob("*") if each.is_dir()]
    hint = f"; {nearest(path.name, beside)}" if beside else ""
    raise ValueError(f"{key}={name}: there is no such folder with a {file} in it{hint}")
