"""The life of a run: skipped, continued or begun; recorded however it ends. Imports no torch."""

from __future__ import annotations

import logging
import os
import traceback
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from kdrun.config.called import Called, loggers
from kdrun.config.identity import Identity, holder, identify
from kdrun.config.schema import Rerun, names
from kdrun.config.validate import ConfigError, parts
from kdrun.files.logfile import append, refuse_links
from kdrun.logger import Tracking
from kdrun.results.record import (
    Record,
    collect,
    complete,
    load_record,
    remove_leftovers,
    save_record,
)
from kdrun.run.asked import Asked, PrunedError, Watch
from kdrun.run.done import ended, refuse_another
from kdrun.run.folder import CHECKPOINT, at_work
from kdrun.run.pace import Stopwatch
from kdrun.run.provenance import begin, now
from kdrun.teacher.run import teacher_run
from kdrun.terminal.narrow import terminal_width

if TYPE_CHECKING:
    from kdrun.run.side_by_side import Beside

log = logging.getLogger(__name__)

MISTAKES = (ValueError, FileNotFoundError)
"""What is raised where the user has to mend something."""


def run(
    config: DictConfig,
    run_dir: Path,
    watch: Watch | None = None,
    *,
    job: bool = False,
    role: str = "student",
    what: Identity | None = None,
    beside: Beside | None = None,
) -> Record:
    """Do what is missing of a run: nothing if it is done, the rest if it was cut off.

    Args:
        config: the composed config.
        run_dir: its folder. Only one process at a time works in it.
        watch: told the row of metrics.csv after each epoch; may raise `PrunedError`.
        job: whether it is one of a sweep, where every job ends as a row: otherwise a mistake that
            is found before training begins leaves none.
        role: what its network is to the run that was asked for.
        what: the run is, where that was found out just now.
        beside: what it shares with others that are trained beside it.

    Returns:
        The record, which also lies in `run_dir`.

    Raises:
        ValueError: the user's mistake; the folder holds another run; or the run is no more what it
            was when its sweep began.
        Exception: whatever else stopped the run, once it is recorded.
    """
    asked = Asked(config, run_dir, what or identify(config), watch, role, beside)
    if config.job.identity not in (None, asked.what.digest):
        raise ValueError(
            "what this job is has changed since its sweep began: a yaml file, data or a plugin. "
            "Nothing was run; the command typed again runs what it is now"
        )
    if config.job.command is None:
        config.job.command = uuid.uuid4().hex[:12]
    refuse_another(run_dir, asked.what.digest)
    if done := _before(asked):
        return done
    if (faults := parts(config)) and not job:
        raise ConfigError(faults)
    refuse_links(run_dir)
    with at_work(run_dir):
        # Somebody else may have finished it while this process waited.
        if done := _before(asked):
            return done
        refuse_another(run_dir, asked.what.digest)
        remove_leftovers(run_dir)
        if config.rerun in (Rerun.all, Rerun.teachers):
            for left in (CHECKPOINT, "metrics.csv"):
                (run_dir / left).unlink(missing_ok=True)
        return _recorded(asked, faults if job else None)


def _before(asked: Asked) -> Record | None:
    """The record of a run that is done, which is told."""
    config, run_dir, what = asked.config, asked.run_dir, asked.what
    teacher, rerun = asked.role != "student", config.rerun
    if teacher and rerun is Rerun.teachers and _by_this_command(config, run_dir):
        rerun = Rerun.failed
    done = ended(run_dir, rerun, what.digest, needed=teacher)
    if done is None:
        return None
    complete(done)
    who = f"{asked.role} {names(what.settings)['student']}: " if teacher else ""
    again = "rerun=teachers trains it again" if teacher else "rerun=all repeats"
    date = done.get("finished", "").replace("T", " ")[:16]
    said, place = f"{who}done before, on {date}", os.path.relpath(run_dir)
    line = f"{said}: {place} ({again})"
    log.info("%s", line if len(line) <= terminal_width() else f"{said} ({again}):\n  {place}")
    return done


def _by_this_command(config: DictConfig, run_dir: Path) -> bool:
    """Whether a teacher was trained for another job of the same command."""
    try:
        runtime = load_record(run_dir).get("runtime", {})
    except (FileNotFoundError, ValueError):
        return False
    return bool(runtime.get("command") == config.job.command)


def bury(config: DictConfig, what: Identity, run_dir: Path, error: str) -> None:
    """Write a failed record for a run whose process died without a word.

    Args:
        config: of the run.
        what: it was when it began.
        run_dir: its folder.
        error: what became of it.
    """
    with at_work(run_dir):
        if holder(run_dir) not in (None, what.digest):
            return
        remove_leftovers(run_dir)
        try:
            record = load_record(run_dir)
        except (FileNotFoundError, ValueError):
            record = begin(config, what, run_dir.name)
        if record["status"] == "ok":
            return  # it died after its work was done
        record |= {"status": "failed", "error": error, "finished": now()}
        save_record(run_dir, record)
    collect(run_dir.parent)


def _recorded(asked: Asked, faults: list[str] | None) -> Record:
    """Execute a run, and write down how it ended.

    `faults` are those of a job of a sweep, which becomes a row whatever is wrong with it; None for
    a run that leaves nothing if a mistake is found before training begins.
    """
    config, run_dir = asked.config, asked.run_dir
    record = begin(config, asked.what, run_dir.name)
    tracking = Tracking({}, run_dir, config.name)
    begun = faults is not None

    def write() -> None:
        nonlocal begun
        begun = True
        save_record(run_dir, record)

    try:
        if faults:
            raise ConfigError(faults)
        tracking = Tracking(_loggers(config), run_dir, config.name)
        tracking.begin(record, anew=config.rerun in (Rerun.all, Rerun.teachers))
        _execute(asked._replace(watch=tracking.before(asked.watch)), record, write)
        record["status"] = "ok"
    except PrunedError as error:
        record["status"], record["error"] = "pruned", str(error)
    except Exception as error:
        if isinstance(error, MISTAKES) and not begun:
            raise
        record["status"], record["error"] = "failed", f"{type(error).__name__}: {error}"
        with append(run_dir / "run.log") as file:
            file.write(traceback.format_exc().encode(errors="backslashreplace"))
        raise
    except BaseException:  # Ctrl-C: the same command continues from the last epoch
        record["status"] = "interrupted"
        raise
    finally:
        if record["status"] != "running":
            record["finished"] = now()
            save_record(run_dir, record)
            if record["status"] == "ok" and not config.train.keep_checkpoint:
                (run_dir / CHECKPOINT).unlink(missing_ok=True)
            collect(run_dir.parent)
        tracking.end(record)
    return record


def _loggers(config: DictConfig) -> dict[str, Called]:
    """The trackers of a run; only their section is resolved, for it is read before all else."""
    if not config.get("logger"):
        return {}
    section: Any = OmegaConf.to_container(config.logger, resolve=True)
    return loggers({"logger": section, "plugins": list(config.plugins)})


def _execute(asked: Asked, record: Record, begun: Callable[[], None]) -> None:
    """Train and evaluate in the threads with which the run began; this imports torch."""
    stopwatch = Stopwatch(asked.config)
    from kdrun.run.begun import on_its_threads
    from kdrun.run.execute import execute

    stopwatch.loaded()
    train = stopwatch.apart(partial(_train_teacher, asked.config))
    with on_its_threads(asked.run_dir):
        execute(asked, record, train, begun, stopwatch)


def _train_teacher(config: DictConfig, role: Mapping[str, Any]) -> Path:
    """Train the network of a teacher's role as a run of its own, once for all who ask.

    Returns:
        The folder of that run.
    """
    own, what, run_dir = teacher_run(config, role)
    who = "source model" if own.method.name == "source" else "teacher"
    try:
        run(own, run_dir, role=who, what=what)
    except ValueError as error:
        raise ValueError(f"training the {who}: {error}") from error
    except Exception as error:
        raise RuntimeError(f"training the {who} failed: {error}") from error
    return run_dir
