"""`hf://OWNER/NAME[@REVISION][:SUBSET]`: a repository of the Hugging Face hub, as a folder here.

What was fetched is what the name means until it is fetched again: a run is what its data are, and
those of a branch are others tomorrow. Which commit that was is noted beside the digests of files.
Imports no torch, and huggingface_hub only where something is fetched.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any, Literal, NamedTuple

SCHEME = "hf://"

Kind = Literal["dataset", "model"]

KINDS: tuple[Kind, ...] = ("dataset", "model")

NAME = r"[A-Za-z0-9][\w.-]{0,95}"
FORM = re.compile(
    rf"hf://(?:(datasets|models)/)?({NAME}/{NAME})(?:@([\w./-]{{1,100}}))?(?::([\w.-]{{1,100}}))?"
)

DATA = ("*.py", "*.pkl", "*.pickle", "*.pt", "*.pth", "*.bin", "*.so", "*.sh", "*.ipynb")
"""What is left on the hub of a dataset: nothing of it would be read."""

WEIGHTS = ("*.safetensors", "*.json", "*.txt", "*.model", "README.md")
"""What is fetched of a model: no pickles, and no code."""


class Place(NamedTuple):
    """A repository.

    Attributes:
        kind: of what it holds.
        name: its owner and its own.
        revision: a branch, a tag or a commit; None for the main branch.
        subset: one of several parts of a dataset, which the hub calls its configuration.
    """

    kind: Kind
    name: str
    revision: str | None = None
    subset: str | None = None

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{SCHEME}{self.name}{revision}{f':{self.subset}' if self.subset else ''}"


class Fetched(NamedTuple):
    """What lies here of a repository.

    Attributes:
        folder: with its files, in the cache of huggingface_hub.
        commit: that they are of.
    """

    folder: Path
    commit: str


def is_place(path: object) -> bool:
    """Whether this is the name of a repository, and no path."""
    return str(path).startswith(SCHEME)


def parse(path: str, kind: Kind) -> Place:
    """The repository that a name means.

    Args:
        path: as typed.
        kind: of what is wanted; the name may say it too, `hf://datasets/OWNER/NAME`.

    Raises:
        ValueError: it is no such name, or of the other kind.
    """
    found = FORM.fullmatch(path)
    if not found or ".." in path:
        raise ValueError(f"{path:.100} is no name on the hub: hf://OWNER/NAME[@REVISION][:SUBSET]")
    said, name, revision, subset = found.groups()
    if said not in (None, f"{kind}s"):
        raise ValueError(f"{path} is of the hub's {said}, and a {kind} is wanted here")
    return Place(kind, name, revision, subset)


def here(place: Place) -> Fetched | None:
    """What was fetched of it; None where nothing was, or it is gone."""
    try:
        noted = json.loads(_note(place).read_text())
        found = Fetched(Path(noted["folder"]), str(noted["commit"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.folder.is_dir() else None


def fetch(place: Place) -> Fetched:
    """Fetch a repository as it is now; whole, or it does not count.

    Raises:
        ValueError: huggingface_hub is not installed, or it is not to be had.
    """
    from kdrun.results.record import write_atomic

    api = hub()
    whose = {"repo_id": place.name, "repo_type": place.kind, "revision": place.revision}
    chosen: dict[str, Any] = (
        {"ignore_patterns": list(DATA)}
        if place.kind == "dataset"
        else {"allow_patterns": list(WEIGHTS)}
    )
    try:
        commit = str(api.repo_info(**whose).sha)
        folder = api.snapshot_download(**{**whose, "revision": commit}, **chosen)
    except Exception as error:  # of huggingface_hub, of httpx, of the system
        raise ValueError(f"{place} is not to be had from the hub: {reason(error)}") from error
    found = Fetched(Path(folder).resolve(), commit)
    note = _note(place)
    note.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(note, json.dumps({"folder": str(found.folder), "commit": commit}))
    return found


def folder(path: str, kind: Kind, download: bool) -> Fetched:
    """What lies here of a repository, fetched where that may be.

    Args:
        path: as typed.
        kind: of what is wanted.
        download: whether what is not here is fetched.

    Raises:
        ValueError: it is not here, or not to be had.
    """
    place = parse(path, kind)
    found = here(place)
    if found is None and not download:
        raise ValueError(f"{path} was not fetched yet: dataset.download=true fetches it")
    return found or fetch(place)


def local(path: str) -> str:
    """A path as it is; of a model on the hub, the folder that it is fetched into.

    Raises:
        ValueError: it is not to be had.
    """
    return str(folder(path, "model", True).folder) if is_place(path) else path


def hub() -> Any:
    """`HfApi` of huggingface_hub, with the token and the endpoint that it finds by itself.

    Raises:
        ValueError: it is not installed; the message names the extra.
    """
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise ValueError("the hub needs the extra: pip install 'kdrun[hub]'") from error
    if not sys.stderr.isatty():
        disable_progress_bars()
    for name in ("httpx", "httpx2"):  # which tell of every request
        logging.getLogger(name).setLevel(logging.WARNING)
    return HfApi(library_name="kdrun")


def reason(error: Exception) -> str:
    """What an error of the hub says, in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{lines[0] if lines else type(error).__name__}"[:300]


def _note(place: Place) -> Path:
    """Where it is noted what was fetched: a file of ours, which no repository can write."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    bare = place._replace(subset=None)
    name = hashlib.sha256(json.dumps(bare).encode()).hexdigest()[:32]
    return Path(cache) / "kdrun" / "hub" / f"{name}.json"
