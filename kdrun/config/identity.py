"""What a run is: its settings, what the files hold that it reads, and the code of plugins.

The folder of a run is named by this, a teacher in the cache is found by it, and a run that is done
is believed to be the one that is asked for only if its record says the same. Imports no torch.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from kdrun.config.schema import identity as settings_of
from kdrun.config.schema import names
from kdrun.config.sources import file_of, plugin_code
from kdrun.files.fingerprint import combined, contents, fingerprint
from kdrun.hub.place import KINDS, folder, here, is_place, parse
from kdrun.run.folder import STUDENT
from kdrun.security import bounds, trust
from kdrun.security.wellformed import parse_json

log = logging.getLogger(__name__)

PATHS = (
    *("path", "root", "checkpoint", "source_checkpoint", "begin", "classes", "tokenizer"),
    *("source", "target"),
)
"""Keys whose values name files and folders, with or without a slash or a dot in them."""

READS = "reads"
"""The key beside `root` that says which files and folders below it are read."""

LONGEST = 40
"""Characters of each part of a folder's name."""

WHOLE = 160
"""Characters of all of them; 255 bytes are the most that a file system takes."""

DIGITS = 8
"""Of the identity in a folder's name; all 64 of them where another run has these."""


@dataclass(frozen=True)
class Identity:
    """What a run is.

    Attributes:
        settings: as `kdrun.config.identity` gives them, with paths as they were typed.
        files: what they name: by the place of the key its `path` and `sha256`, and `below`, where
            not all of a folder counts.
        code: the SHA-256 of each module of a plugin that is part of it.
        digest: 64 hexadecimal digits of the settings, where the paths are what lies there, and the
            code.
    """

    settings: dict[str, Any]
    files: dict[str, dict[str, Any]]
    code: dict[str, str]
    digest: str


def identify(config: DictConfig) -> Identity:
    """Find out what a run is from its composed config, and what lies where it points."""
    settings = settings_of(config)
    _fetch(config, settings)
    files: dict[str, dict[str, Any]] = {}
    apart = _replaced(settings, "", files)
    code = plugin_code(sorted(set(targets(settings))), list(config.plugins))
    text = json.dumps([apart, code] if code else apart, sort_keys=True)
    return Identity(settings, files, code, hashlib.sha256(text.encode()).hexdigest())


def _fetch(config: DictConfig, settings: dict[str, Any]) -> None:
    """Let what is on the hub be here: a run is what lies there. Data only where that was typed."""
    dataset = config.get("dataset") or {}
    path, wanted = str(dataset.get("path", "") or ""), dataset.get("download")
    if is_place(path) and wanted and not [*trust.reaching(dataset, {})]:
        folder(path, "dataset", True)
    rest = {key: value for key, value in settings["dataset"].items() if key != "path"}
    for name in _models({**settings, "dataset": rest}):
        folder(name, "model", True)


def _models(value: Any) -> Iterator[str]:
    """The names of models on the hub, at any depth."""
    if isinstance(value, str) and is_place(value):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _models(inner)


def by_content(settings: Any) -> Any:
    """Settings in which what lies there stands in the place of each path."""
    return _replaced(settings, "", {})


def _replaced(value: Any, where: str, files: dict[str, dict[str, Any]], key: str = "") -> Any:
    """Settings with what lies there in the place of each path, which is noted in `files`."""
    if isinstance(value, dict):
        found = {}
        for name, inner in value.items():
            place = f"{where}.{name}" if where else str(name)
            if name == "root" and value.get(READS) and (look := _looked_at(inner, value[READS])):
                files[place], found[name] = look, look["sha256"]
            elif name != READS:
                found[name] = _replaced(inner, place, files, str(name))
        return found
    if isinstance(value, list):
        return [_replaced(v, f"{where}.{n}", files, key) for n, v in enumerate(value)]
    if not isinstance(value, str) or not _may_be_a_path(value, key):
        return value
    if (looked := _looked_at(value)) is None:
        return os.path.normpath(value) if key in PATHS and os.sep in value else value
    files[where] = looked
    return looked["sha256"]


def _may_be_a_path(value: str, key: str) -> bool:
    """Whether something of this name would be read, if it were there."""
    if key == "_target_" or not value or "\0" in value or len(value) > 4000:
        return False
    if is_place(value):
        return True
    if key == "name":  # of a model: a folder of transformers, or a name on the hub
        return os.sep in value or os.path.isfile(os.path.join(value, "config.json"))
    return key in PATHS or os.sep in value or "." in value


def _looked_at(path: str, below: Sequence[str] = ()) -> dict[str, Any] | None:
    """A path with the digest of what lies there; None where nothing does that can be read."""
    if is_place(path):
        return _on_the_hub(path)
    weights = os.path.join(path, STUDENT)
    try:
        # Of a run's folder it is the weights that are read.
        found = fingerprint(weights if os.path.isfile(weights) else path, below)
    except OSError:
        return None
    return {"path": path, "sha256": found, **({"below": [*below]} if below else {})}


def _on_the_hub(path: str) -> dict[str, Any] | None:
    """The same of a dataset or a model whose commit is here; None where it was not fetched."""
    for kind in KINDS:
        try:
            asked = parse(path, kind)
        except ValueError:
            continue
        if found := here(asked):
            return {"path": path, "sha256": combined([found.commit, asked.subset or ""])}
    return None


def unchanged(files: Mapping[str, Mapping[str, Any]], code: Mapping[str, str]) -> str:
    """Which of the files and modules of a run hold something else now; empty if none does."""
    for place, noted in files.items():
        now = _looked_at(str(noted["path"]), noted.get("below") or ())
        if now is None or now["sha256"] != noted["sha256"]:
            return f"{place}={noted['path']}"
    for module, digest in code.items():
        file = file_of(module)
        if file is None or contents([str(file)])[0] != digest:
            return f"the module {module}"
    return ""


def targets(settings: Any) -> Iterator[str]:
    """Every `_target_` in some settings, at any depth."""
    if isinstance(settings, Mapping):
        if isinstance(settings.get("_target_"), str):
            yield settings["_target_"]
        for inner in settings.values():
            yield from targets(inner)
    elif isinstance(settings, list):
        for inner in settings:
            yield from targets(inner)


def slug(what: Identity) -> str:
    """The readable part of a folder's name."""
    who = names(what.settings)
    who = {key: value[:LONGEST] if isinstance(value, str) else value for key, value in who.items()}
    pair = "-".join(who[role] for role in ("teacher", "student") if who[role])
    domains = "-".join(who[side] for side in ("source", "target") if who[side])
    parts = (who["method"], pair, who["transfer"], who["loss"], who["dataset"], domains)
    repetition = f"s{who['seed']}", "" if who["fold"] is None else f"f{who['fold']}"
    readable = re.sub(r"[^A-Za-z0-9_.+-]+", "-", "_".join(str(part) for part in parts if part))
    return "_".join(part for part in (readable[:WHOLE], *repetition) if part)


def run_id(what: Identity, parent: Path | str | None = None) -> str:
    """The name of a run's folder: a readable slug and eight digits of its identity.

    Args:
        what: the run.
        parent: the folder that it is to lie in. Where another run has the name there, the name is
            a longer one.
    """
    name = f"{slug(what)}-{what.digest[:DIGITS]}"
    if parent is not None and (other := holder(Path(parent) / name)) not in (None, what.digest):
        longer = f"{slug(what)}-{what.digest}"
        if other != "" and not (Path(parent) / longer).exists():
            log.warning("%s holds another run, so this one goes to %s", Path(parent) / name, longer)
        return longer
    return name


def holder(run_dir: Path) -> str | None:
    """The identity of the run that a folder holds; empty if it says none, None if there is none."""
    try:
        record = parse_json(bounds.content(run_dir / "record.json", bounds.JSON))
    except (OSError, ValueError):
        return None
    return str(record.get("identity") or "") if isinstance(record, dict) else None
