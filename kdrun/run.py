"""The life of a run: skipped, continued or begun; recorded however it ends. Imports no torch."""

from __future__ import annotations

import copy
import logging
import platform
import shutil
import subprocess
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf

from kdrun.config import OPTIONS, RUNTIME, Rerun, Train, folder, identity, names, run_id
from kdrun.logger import Tracking
from kdrun.narrow import paragraphs, terminal_width
from kdrun.results import Record, collect, complete, load_record, remove_leftovers, save_record
from kdrun.validate import ConfigError, parts

log = logging.getLogger(__name__)

Watch = Callable[[dict[str, Any]], None]

LOCK = ".lock"
"""Held by the process that works in a run's folder; the kernel releases it when that one dies."""

UNBEGUN = {".hydra", "run.log", LOCK}
"""What may lie in the folder of a run before it begins."""

LIBRARIES = ("kdrun", "torch", "torchvision", "timm", "hydra-core", "numpy", "scikit-learn")


MISTAKES = (ValueError, FileNotFoundError)
"""What is raised where the user has to mend something."""


class PrunedError(Exception):
    """A run was stopped because it promised less than others."""


def run(
    config: DictConfig,
    run_dir: Path,
    watch: Watch | None = None,
    *,
    job: bool = False,
    role: str = "student",
) -> Record:
    """Do what is missing of a run: nothing if it is done, the rest if it was cut off.

    Args:
        config: the composed config.
        run_dir: its folder. Only one process at a time works in it.
        watch: told the row of metrics.csv after each epoch; may raise `PrunedError`.
        job: whether it is one of a sweep, where every job ends as a row: otherwise a mistake that
            is found before training begins leaves none.
        role: what its network is to the run that was asked for.

    Returns:
        The record, which also lies in `run_dir`.

    Raises:
        ValueError: the user's mistake.
        Exception: whatever else stopped the run, once it is recorded.
    """
    if done := ended(run_dir, config.rerun):
        complete(done)
        return done
    if (faults := parts(config)) and not job:
        raise ConfigError(faults)
    run_dir.mkdir(parents=True, exist_ok=True)
    if busy(run_dir):
        log.info("waiting for another process that is at %s", run_dir.name)
    with FileLock(run_dir / LOCK):
        # Somebody else may have finished it while this process waited.
        if done := ended(run_dir, config.rerun):
            return done
        remove_leftovers(run_dir)
        if config.rerun is Rerun.all:
            for left in ("checkpoint.pt", "metrics.csv"):
                (run_dir / left).unlink(missing_ok=True)
        return _recorded(config, run_dir, watch, role, faults if job else None)


def busy(run_dir: Path) -> bool:
    """Whether a process is at work in a run's folder."""
    if not run_dir.is_dir():
        return False
    try:
        with FileLock(run_dir / LOCK, blocking=False):
            return False
    except Timeout:
        return True


def ended(run_dir: Path, rerun: Rerun) -> Record | None:
    """The record of a run that is not to be run again."""
    try:
        record = load_record(run_dir)
    except FileNotFoundError:
        return None
    except ValueError as error:
        log.warning("%s; the run starts again from its checkpoint", error)
        return None
    kept = {Rerun.failed: ["ok"], Rerun.none: ["ok", "failed", "pruned"], Rerun.all: []}[rerun]
    return record if record["status"] in kept else None


def bury(config: DictConfig, run_dir: Path, error: str) -> None:
    """Write a failed record for a run whose process died without a word."""
    run_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(run_dir / LOCK):
        remove_leftovers(run_dir)
        try:
            record = load_record(run_dir)
        except (FileNotFoundError, ValueError):
            record = _begin(config)
        if record["status"] == "ok":
            return  # it died after its work was done
        record |= {"status": "failed", "error": error, "finished": _now()}
        save_record(run_dir, record)
    collect(run_dir.parent)


def forget(run_dir: Path) -> None:
    """Remove the folder of a run that never began, and folders above that hold nothing else."""
    if not run_dir.is_dir() or {path.name for path in run_dir.iterdir()} - UNBEGUN:
        return
    shutil.rmtree(run_dir)
    for above in run_dir.absolute().parents:
        if above == Path.cwd() or any(above.iterdir()):
            return
        above.rmdir()


def _recorded(
    config: DictConfig,
    run_dir: Path,
    watch: Watch | None,
    role: str,
    faults: list[str] | None,
) -> Record:
    """Execute a run, and write down how it ended.

    `faults` are those of a job of a sweep, which becomes a row whatever is wrong with it; None for
    a run that leaves nothing if a mistake is found before training begins.
    """
    record = _begin(config)
    tracking = Tracking({}, [], run_dir, config.name)
    begun = faults is not None

    def begin() -> None:
        nonlocal begun
        begun = True
        save_record(run_dir, record)

    try:
        if faults:
            raise ConfigError(faults)
        if config.get("logger"):
            section: Any = OmegaConf.to_container(config.logger, resolve=True)
            tracking = Tracking(section, list(config.plugins), run_dir, config.name)
        tracking.begin(record, anew=config.rerun is Rerun.all)
        from kdrun.begun import on_its_threads

        with on_its_threads(run_dir):
            _execute(config, run_dir, record, tracking.before(watch), begin, role)
        record["status"] = "ok"
    except PrunedError as error:
        record["status"], record["error"] = "pruned", str(error)
    except Exception as error:
        if isinstance(error, MISTAKES) and not begun:
            raise
        record["status"], record["error"] = "failed", f"{type(error).__name__}: {error}"
        with (run_dir / "run.log").open("a") as file:
            traceback.print_exc(file=file)
        raise
    except BaseException:  # Ctrl-C: the same command continues from the last epoch
        record["status"] = "interrupted"
        raise
    finally:
        if record["status"] != "running":
            record["finished"] = _now()
            save_record(run_dir, record)
            collect(run_dir.parent)
        tracking.end(record)
    return record


def _execute(
    config: DictConfig,
    run_dir: Path,
    record: Record,
    watch: Watch | None,
    begin: Callable[[], None],
    role: str,
) -> None:
    """Train and evaluate; what comes out goes into the record.

    `begin` is called once everything is built, and training begins.
    """
    from kdrun.experiment import Experiment
    from kdrun.finish import finish, finish_peers

    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    settings: Train = OmegaConf.to_object(config.train)  # type: ignore[assignment]
    who = f"{role} {names(record['config'])['student']}"
    experiment = Experiment(
        plain, settings, run_dir, lambda own: _train_teacher(config, own), who=who
    )
    record["run"] |= experiment.facts()
    record["data"] = experiment.read
    for shortcoming in experiment.shortcomings():
        log.warning("%s", paragraphs(shortcoming, terminal_width()))
    begin()
    measured = {}
    if settings.devices * settings.nodes > 1 and experiment.takes_steps:
        from kdrun.devices import distributed

        measured = distributed.train(config, run_dir, watch, who)
    experiment.train(watch)
    record["metrics"] = finish(experiment) | measured
    record["predicted"] = experiment.predicted
    record["notes"] = experiment.notes(record["metrics"])
    if experiment.builder.told:
        record["weights"] = experiment.builder.told
    if experiment.transferred:
        record["transfer"] = experiment.transferred
    if experiment.selection is not None:
        record["selection"] = experiment.selection.choice(experiment.training)
    for beside, peer_role, metrics in finish_peers(experiment):
        peer: Record = {
            **record,
            "run_id": beside.name,
            "status": "ok",
            "finished": _now(),
            "run": {**record["run"], "student": peer_role["name"]},
            "config": {**record["config"], "student": dict(peer_role)},
            "metrics": metrics,
            "predicted": experiment.predicted,
        }
        save_record(beside, peer)


def _train_teacher(config: DictConfig, role: Mapping[str, Any]) -> Path:
    """Train the network of a teacher's role as a run of its own, once for all who ask.

    Returns:
        The folder of that run.
    """
    own, run_dir = teacher_run(config, role)
    what = "source model" if own.method.name == "source" else "teacher"
    log.info("%s %s: %s", what, own.student.name, run_dir)
    try:
        run(own, run_dir, role=what)
    except ValueError as error:
        raise ValueError(f"training the {what}: {error}") from error
    except Exception as error:
        raise RuntimeError(f"training the {what} failed: {error}") from error
    return run_dir


def teacher_run(config: DictConfig, role: Mapping[str, Any]) -> tuple[DictConfig, Path]:
    """The run that trains the network of a teacher's role, and its folder.

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
    own.seed, own.rerun = teacher.seed, Rerun.failed
    own.logger = {}  # it belongs to all experiments that share the cache, and to none
    recipe = teacher.get("recipe") or {}
    for place, key in (  # whole groups come first
        *((own, "optimizer"), (own, "scheduler")),
        *((own.train, "epochs"), (own.train, "batch_size"), (own.optimizer, "lr")),
    ):
        if recipe.get(key) is not None:
            place[key] = recipe[key]
    return own, Path(config.cache) / "teacher" / run_id(own)


def _beginning(role: Mapping[str, Any]) -> dict[str, Any]:
    """With what the network of a role begins that is to be trained, as keys of a student."""
    own = {key: role[key] for key in OPTIONS if role.get(key) not in (None, "keep")}
    path = role.get("begin") or (role.get("checkpoint") if role.get("head") == "new" else None)
    return {**own, "checkpoint": str(path)} if path else own


def _begin(config: DictConfig) -> Record:
    """The record of a run that has just begun."""
    what = identity(config)
    runtime = {key: OmegaConf.select(config, key) for key in RUNTIME if key != "hydra"}
    runtime["rerun"], runtime["plugins"] = config.rerun.name, list(config.plugins)
    runtime["logger"] = list(config.get("logger") or {})
    return {
        "run_id": run_id(config),
        "status": "running",
        "error": "",
        "run": {**names(what), "commit": _commit()},
        "metrics": {},
        "config": what,
        "runtime": {key: value for key, value in runtime.items() if value is not None},
        "versions": _versions(),
        "started": _now(),
        "finished": "",
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """The commit of the working folder, marked where files were changed since."""
    describe = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        told = subprocess.run(describe, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() or None
