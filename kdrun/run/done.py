"""Whether a run was done before: believed only after a look at what its folder holds.

Imports no torch.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from kdrun.config.identity import holder
from kdrun.config.schema import Rerun
from kdrun.files.fingerprint import contents
from kdrun.results.record import Record, load_record
from kdrun.run.folder import STUDENT

log = logging.getLogger(__name__)

KEPT = {
    Rerun.failed: ("ok",),
    Rerun.none: ("ok", "failed", "pruned"),
    Rerun.all: (),
    Rerun.teachers: (),
}
"""How a run may have ended that is not to be run again."""


def ended(run_dir: Path, rerun: Rerun, identity: str, *, needed: bool = False) -> Record | None:
    """The record of a run that is not to be run again.

    Args:
        run_dir: its folder.
        rerun: which ended runs are run again.
        identity: of the run that is asked for; the folder may hold another.
        needed: whether its weights are: those of a student may have been removed since.
    """
    if not KEPT[rerun]:
        return None
    try:
        record = load_record(run_dir)
    except FileNotFoundError:
        return None
    except ValueError as error:
        log.warning("%s; the run starts again from its checkpoint", error)
        return None
    if record["status"] not in KEPT[rerun] or record.get("identity") != identity:
        return None
    if record["status"] == "ok" and (wrong := _changed(run_dir, record, needed)):
        log.warning("%s: %s, so it is trained again", run_dir, wrong)
        return None
    return record


def _changed(run_dir: Path, record: Record, needed: bool) -> str:
    """What is wrong with the weights of a run; empty if nothing is."""
    weights = run_dir / STUDENT
    if not weights.is_file():
        return f"its {STUDENT} is gone" if needed else ""
    if contents([str(weights)])[0] != record.get("weights_sha256"):
        return f"its {STUDENT} is not the one that its record tells of"
    return ""


def refuse_another(run_dir: Path, identity: str) -> None:
    """Refuse a folder that holds another run, which would be overwritten.

    Raises:
        ValueError: it does.
    """
    if holder(run_dir) not in (None, identity):
        raise ValueError(
            f"{os.path.relpath(run_dir)} holds another run: its record has another identity. "
            "Nothing is overwritten: name another folder, or remove this one"
        )
