"""The run that trains the network of a teacher's role, and where it lies. Imports no torch."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from kdrun.config.identity import Identity, identify, run_id
from kdrun.config.schema import OPTIONS, Rerun, folder


class TeacherRun(NamedTuple):
    """A run whose student is somebody's teacher.

    Attributes:
        config: of the run.
        what: it is.
        run_dir: its folder.
    """

    config: DictConfig
    what: Identity
    run_dir: Path


def teacher_run(config: DictConfig, role: Mapping[str, Any]) -> TeacherRun:
    """The run that trains the network of a teacher's role, once for all who ask.

    It learns from the labels, from the teacher that its role names, or by the method it names.
    """
    own = copy.deepcopy(config)
    teacher = OmegaConf.create(dict(role))
    own.student = {"name": teacher.name, "model": teacher.model, **_beginning(role)}
    before = teacher.get("teacher")
    method = teacher.get("method") or ("supervised" if before is None else "distill")
    own.method, own.teacher = OmegaConf.load(folder() / "method" / f"{method}.yaml"), before
    if method == "source" and "labels" in own.dataset:
        own.dataset.labels = "all"  # of the target; the source's are known anyway
    if "transfer" in teacher:
        own.transfer, own.source_model.checkpoint = teacher.transfer, teacher.source_checkpoint
        own.student = {"name": teacher.name, "model": teacher.model}
        for key in OPTIONS:
            own.source_model[key] = role.get(key)
    own.seed = teacher.seed
    # Those of all experiments stay in the cache, unless they are named.
    own.rerun = config.rerun if config.rerun is Rerun.teachers else Rerun.failed
    own.job.identity = None  # which is the student's
    own.job.shared = False
    if before is None:  # what it sees is its own affair
        for key in ("views", "view_seed"):
            if key in own.dataset:
                own.dataset[key] = None
    own.logger = {}  # it belongs to all experiments that share the cache, and to none
    recipe = teacher.get("recipe") or {}
    for group in ("optimizer", "scheduler"):  # before what is set within them
        if recipe.get(group) is not None:
            own[group] = recipe[group]
    for place, key in ((own.train, "epochs"), (own.train, "batch_size"), (own.optimizer, "lr")):
        if recipe.get(key) is not None:
            place[key] = recipe[key]
    what, parent = identify(own), Path(config.cache) / "teacher"
    return TeacherRun(own, what, parent / run_id(what, parent))


def _beginning(role: Mapping[str, Any]) -> dict[str, Any]:
    """With what the network of a role begins that is to be trained, as keys of a student."""
    own = {key: role[key] for key in OPTIONS if role.get(key) not in (None, "keep")}
    path = role.get("begin") or (role.get("checkpoint") if role.get("head") == "new" else None)
    return {**own, "checkpoint": str(path)} if path else own
