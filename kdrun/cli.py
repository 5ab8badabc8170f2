"""The command line: subcommands of our own, everything else is Hydra's. Imports nothing heavy."""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import logging
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kdrun.config import typed as typed_words
from kdrun.run.calls import Runs
from kdrun.security import trust
from kdrun.security.beside import open_beside
from kdrun.terminal.printable import prepare, printable

COMMANDS = {
    "list": "kdrun.config.catalogue",
    "options": "kdrun.config.options",
    "copy": "kdrun.config.copy",
    "show": "kdrun.show.command",
    "compare": "kdrun.compare",
    "collect": "kdrun.results.collect",
    "diff": "kdrun.compare.diff",
    "report": "kdrun.report",
    "du": "kdrun.storage.du",
    "clean": "kdrun.storage.clean",
    "predict": "kdrun.predict.command",
    "evaluate": "kdrun.evaluate.command",
    "export": "kdrun.export",
    "push": "kdrun.hub.push",
    "resume": "kdrun.sweep.resume",
}
"""Subcommands; each module has `main(arguments) -> exit status`."""

DONE, FAILED, MISTAKE = 0, 1, 2

NO_PLACE = ("ENAMETOOLONG", "ENOTDIR", "EEXIST", "EACCES", "EPERM", "EROFS", "ELOOP")
"""Why a folder cannot be made; a full disk is no mistake."""

log = logging.getLogger(__name__)


def main(*, job: bool = False, typed: list[str] | None = None) -> None:
    """Run a subcommand, or hand over to Hydra; exits with 0, 1 (a run failed) or 2 (a mistake).

    Args:
        job: whether the run is one of a sweep, which started this process for it.
        typed: what of the command the user typed, if not all of it.
    """
    prepare()
    arguments = sys.argv[1:]
    if arguments and arguments[0] in COMMANDS:
        module = importlib.import_module(COMMANDS[arguments[0]])
        open_beside(typed_words.plugins(arguments))
        sys.exit(module.main(arguments[1:]))
    if _completed(arguments):
        sys.exit(DONE)
    arguments = sys.argv[1:] = typed_words.opened(arguments)
    if arguments and arguments[0].isidentifier() and not arguments[0].startswith("_"):
        from kdrun.config.instantiate import nearest

        _fail(f"'{arguments[0]}' is no command of kdrun; {nearest(arguments[0], COMMANDS)}")
    if "TORCHELASTIC_RUN_ID" in os.environ:
        _refuse_torchrun(arguments)
    if "--version" in arguments:  # Hydra's parser would answer with its own
        from kdrun.version import __version__

        print(f"kdrun {__version__}")
        sys.exit(DONE)
    if job:
        trust.take_over()
    else:
        trust.begin(arguments if typed is None else typed)
    try:
        sys.exit(_hydra(job))
    finally:
        trust.end()


def _completed(arguments: list[str]) -> bool:
    """Whether a shell asked what may be typed next, and Hydra has nothing to add to the answer."""
    if not any(word.startswith("query=") for word in arguments) or "COMP_LINE" not in os.environ:
        return False
    from kdrun.terminal import completion

    line = os.environ["COMP_LINE"]
    words = completion.words(line, COMMANDS)
    beside = [*completion.first(line, COMMANDS), *completion.divided(line)]
    print(" ".join(beside if words is None else words))
    return words is not None


def _refuse_torchrun(arguments: list[str]) -> None:
    """Tell who typed `torchrun kdrun` what to type: one command starts all processes of a run."""
    if os.environ["LOCAL_RANK"] != "0":
        time.sleep(10)  # torchrun ends this process when the first one has told
    wanted = {"train.devices=": "LOCAL_WORLD_SIZE", "train.nodes=": "GROUP_WORLD_SIZE"}
    rest = [word for word in arguments if not word.startswith(tuple(wanted))]
    rest += [f"{key}{os.environ[name]}" for key, name in wanted.items() if os.environ[name] != "1"]
    words = shlex.join(["kdrun", *rest])
    _fail(
        "under torchrun each process would be a run, or a sweep, of its own, in the same folders. "
        f"kdrun starts torchrun's workers by itself: type\n  {words}"
    )


def _fail(message: str) -> None:
    print(f"kdrun: {printable(message, lines=True)}", file=sys.stderr)
    sys.exit(MISTAKE)


def _hydra(job: bool) -> int:
    """Compose and run, as one run or a sweep; the exit status."""
    from hydra._internal.utils import get_args_parser

    arguments = get_args_parser().parse_args()
    if arguments.experimental_rerun:
        _fail("--experimental-rerun reads a pickle, which runs what is in it: kdrun resume FOLDER")
    if "dry_run=true" in arguments.overrides and not arguments.multirun:
        sys.argv.append("--multirun")  # a plan is of a sweep; here it has one job
    traceback_wanted = os.environ.get("HYDRA_FULL_ERROR") == "1"
    # Hydra would print its own summary and leave with 1; we tell mistakes from failures.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    runs = Runs(job)
    try:
        if not _composed(arguments, runs):
            return DONE
        if runs.failed and not arguments.multirun:
            raise runs.failed[-1][1]
    except BrokenPipeError:  # `| head` has seen enough; nothing is left to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        if traceback_wanted:
            raise
        return _ended(error, runs)
    except KeyboardInterrupt:
        print("kdrun: interrupted; the same command, or kdrun resume, goes on", file=sys.stderr)
        return 130
    return FAILED if runs.summed() else DONE


def _composed(arguments: Any, runs: Runs) -> bool:
    """Check what was typed, and let Hydra compose it and call `runs`; False where it is shown."""
    import hydra
    from omegaconf import OmegaConf

    from kdrun.config import once, register, schema
    from kdrun.security import bounds

    bounds.allow_typed(arguments.overrides)
    if arguments.config_dir:
        from kdrun.security import sent_yaml

        sent_yaml.check_folder(arguments.config_dir)
    register.register(arguments.config_dir)
    whole = None
    if not _asks(arguments):
        from kdrun.config import validate

        with _at_once():
            if _is_single(arguments):
                typed, whole = validate.single(arguments.overrides)
            else:
                typed = validate.overrides(arguments.overrides, arguments.config_dir)
        if _shows(arguments):
            sys.stdout.write(OmegaConf.to_yaml(typed))
            return False
        if _has_folds(typed) and not arguments.multirun and not arguments.cfg:
            # A run for each; when one fails, there is no mean to go on for.
            first = sys.argv.index(arguments.overrides[0])
            sys.argv[first:first] = ["--multirun", "fail_fast=true"]
            whole = None
    if arguments.multirun:
        within = typed_words.within_choices(arguments.overrides)
        sys.argv = [within.get(word, word) for word in sys.argv]
    entry = hydra.main(version_base="1.3", config_path=str(schema.folder()), config_name="config")
    if not (arguments.cfg or arguments.info or arguments.multirun or _asks(arguments)):
        from kdrun.terminal import phases

        phases.begin(typed)
    with once.given(whole) if _is_ours(arguments) else contextlib.nullcontext():
        entry(runs)()
    return True


def _is_ours(arguments: Any) -> bool:
    """Whether all that is composed is kdrun's own configs, and they alone say how."""
    theirs = arguments.config_dir, arguments.config_name, arguments.config_path
    return not any(theirs) and not any("hydra.mode" in word for word in arguments.overrides)


def _is_single(arguments: Any) -> bool:
    """Whether one run is asked for, of kdrun's own configs."""
    others = arguments.cfg, arguments.info, arguments.multirun, _asks(arguments)
    planned = "dry_run=true" in arguments.overrides  # as a sweep of one job
    return _is_ours(arguments) and not planned and not any(others)


@contextmanager
def _at_once() -> Iterator[None]:
    """Nothing that is composed is garbage yet: to look through it takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _ended(error: Exception, runs: Runs) -> int:
    """Tell what went wrong; the exit status."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from kdrun.config.unread import readable
    from kdrun.sweep.outcome import SweepFailedError

    if isinstance(error, (ValueError, FileNotFoundError, HydraException, OmegaConfBaseException)):
        said = readable(error) if isinstance(error, OmegaConfBaseException) else error
        told = printable(said, lines=True).replace("\n", "\n  ")
        print(f"kdrun: {told}", file=sys.stderr)
        return MISTAKE
    if told := _no_place(error, runs):
        print(f"kdrun: {told}", file=sys.stderr)
        return MISTAKE
    if isinstance(error, SweepFailedError):
        print(printable(error, lines=True))
        return FAILED
    told = printable(f"{type(error).__name__}: {error}", lines=True)
    print("\n  ".join([f"kdrun: the run failed: {told}", *runs.left()]), file=sys.stderr)
    return FAILED


def _shows(arguments: Any) -> bool:
    """Whether Hydra would only print what was composed for the check of what was typed.

    It would compose again, which takes as long. Words that may be more than KEY=VALUE, and options,
    are its own.
    """
    plain = all(w[:1].isalpha() and not {*"@,("} & {*w} for w in arguments.overrides)
    of_hydra = any(word.startswith(("hydra.", "hydra/")) for word in arguments.overrides)
    others = (
        *(arguments.package, arguments.resolve, arguments.multirun, arguments.run, arguments.info),
        *(arguments.config_dir, arguments.config_name, arguments.config_path),
    )
    return arguments.cfg == "job" and plain and not of_hydra and not any(others)


def _no_place(error: Exception, runs: Runs) -> str:
    """What to say where no run began, since its folder cannot be made; empty for other errors."""
    if not isinstance(error, OSError) or runs.ended:
        return ""
    if errno.errorcode.get(error.errno or 0) not in NO_PLACE:
        return ""
    place = printable(str(error.filename))
    short = place if len(place) < 200 else f"{place[:200]}…"
    return f"nothing can be written to {short} ({error.strerror}): give another name or folder"


def _asks(arguments: Any) -> bool:
    """Whether Hydra is only asked for help."""
    return bool(arguments.help or arguments.hydra_help or arguments.shell_completion)


def _has_folds(config: Any) -> bool:
    """Whether a config is of a whole cross-validation, and not of one fold."""
    return config.cv.folds is not None and config.cv.fold is None


if __name__ == "__main__":
    main()
