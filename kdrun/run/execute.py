"""A run from its config to its scores, stage by stage; what each knows goes into the record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from kdrun.config.identity import unchanged
from kdrun.config.schema import Train, names
from kdrun.dataset.digest import digest
from kdrun.device import device_name, precision
from kdrun.files.fingerprint import combined, contents
from kdrun.parallel import machines
from kdrun.results.record import Record, save_record
from kdrun.run.asked import Asked
from kdrun.run.course import Course, course_of
from kdrun.run.finish import Scores, finish, finish_peers, judged, shortcomings
from kdrun.run.folder import STUDENT
from kdrun.run.pace import Stopwatch
from kdrun.run.parts import gather
from kdrun.run.provenance import now
from kdrun.run.start import begin
from kdrun.teacher.once import answered
from kdrun.terminal.narrow import paragraphs, terminal_width

log = logging.getLogger(__name__)


def execute(
    asked: Asked,
    record: Record,
    train: Callable[[Mapping[str, Any]], Path],
    begun: Callable[[], None],
    stopwatch: Stopwatch,
) -> None:
    """Train and evaluate; what comes out goes into the record.

    Args:
        asked: what was asked for.
        record: that has begun.
        train: trains the network of a teacher's role if nobody has, and returns its folder.
        begun: called once everything is built, and training begins.
        stopwatch: takes the times of all this.
    """
    config = asked.config
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    settings: Train = OmegaConf.to_object(config.train)  # type: ignore[assignment]
    who = f"{asked.role} {names(record['config'])['student']}"
    common, turn = asked.beside or (None, None)
    parts = gather(plain, settings, asked.run_dir, train, who, common)
    course = course_of(parts, begin(parts))
    if changed := unchanged(record["files"], {}):
        raise ValueError(f"{changed} was changed while it was read: type the command again")
    record["run"] |= _facts(course)
    record["data"] = parts.read
    record["task"] = parts.data.task.record()
    known = judged(course)
    for shortcoming in shortcomings(course, known):
        log.warning("%s", paragraphs(shortcoming, terminal_width()))
    begun()
    stopwatch.built()
    measured = {}
    if settings.devices * settings.nodes > 1 and course.start.takes_steps:
        measured = machines.train(config, asked.run_dir, asked.watch, who)
    course.train(stopwatch.watching(asked.watch), turn=turn)
    stopwatch.trained()
    record["run"]["step"] = course.training.step or None
    scores = finish(course, known)
    record.update(_found(scores, measured))
    record.update(_remarkable(course, scores))
    for peer in finish_peers(course, known):
        save_record(peer.folder, _of_peer(record, peer))
    stopwatch.ended(course.start.settings.epochs, 1 + len(parts.peers))


def _facts(course: Course) -> dict[str, str | int | None]:
    """Columns that say on what, and in what, the run was made."""
    data = course.parts.data
    return {
        "device": device_name(course.parts.device),
        "precision": precision(course.start.dtype),
        "threads": course.threads,
        "epochs": course.start.settings.epochs,
        "test_hash": digest(data.test),
        "split": digest(data.train),
        "answers": answered(course.parts.teacher, course.parts.load.view_seed),
    }


def _found(scores: Scores, measured: Mapping[str, Any]) -> Record:
    """What a record tells of a network."""
    return {
        "metrics": {**scores.metrics, **measured},
        "weights_sha256": contents([str(scores.folder / STUDENT)])[0],
        "predicted": scores.predicted,
        "notes": scores.notes,
    }


def _remarkable(course: Course, scores: Scores) -> Record:
    """What a record tells of where things came from, where there is any."""
    networks, selection = course.parts.networks, course.selection
    told: Record = {}
    if networks.adopted:
        told["teachers"] = networks.adopted
    if networks.told:
        told["weights"] = networks.told
    if scores.transferred:
        told["transfer"] = scores.transferred
    if selection is not None:
        told["selection"] = selection.choice(course.training)
    return told


def _of_peer(record: Record, peer: Scores) -> Record:
    """The record of a network that was trained beside the student."""
    name = peer.folder.name
    return {
        **record,
        "run_id": name,
        "identity": combined([record["identity"], name]),
        "status": "ok",
        "finished": now(),
        "run": {**record["run"], "student": peer.role["name"]},
        "config": {**record["config"], "student": dict(peer.role)},
        **_found(peer, {}),
    }
