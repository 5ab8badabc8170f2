"""One run over several devices: processes of `torch.distributed.run`, without Hydra.

The run itself stays one process, which holds the lock, writes the record and scores the student. It
starts the others only for the training. They leave a checkpoint, as any training does, and it goes
on from there:

    kdrun                            run.py: data, teacher; record, evaluation
      kdrun.parallel.distributed      torch's elastic agent: ends all ranks when one dies
        kdrun.parallel.rank           × train.devices: the loop
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from kdrun.parallel.process import THREADS, end_with, obituary

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds that the agent has to end its ranks before it is killed."""

TASK = "KDRUN_TASK"
"""The variable by which ranks are told their run, as JSON: its folder and, as YAML, its config."""


class RankError(RuntimeError):
    """A rank failed, or died."""


def ranks(
    task: str,
    devices: int,
    where: Sequence[str],
    watch: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Execute the ranks of this machine; as `train`.

    Args:
        task: what they are told, `TASK`.
        devices: how many.
        where: words for torchrun: on which of several machines, and where they meet.
        watch: as in `train`.
    """
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "kdrun.parallel.distributed",
            str(os.getpid()),
            str(devices),
            *where,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=os.environ | _threads(devices) | {TASK: task},
        start_new_session=True,  # Ctrl-C reaches this process, which passes it on
    )
    measured: dict[str, Any] = {}
    failure: dict[str, Any] = {}
    try:
        assert process.stdout is not None
        for line in process.stdout:
            message = json.loads(line)
            if "log" in message:
                log.log(*message["log"])
            elif "row" in message and watch is not None:
                watch(message["row"])
            measured |= message.get("measured", {})
            failure |= message.get("failure", {})
        status = process.wait()
    finally:
        _stop(process)
    if failure or status:
        raise _error(failure, status)
    return measured


def _threads(devices: int) -> dict[str, str]:
    """The threads of this process shared out over the ranks."""
    import torch

    return dict.fromkeys(THREADS, str(max(1, torch.get_num_threads() // devices)))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the agent, which ends its ranks; what they last saved stays."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(PATIENCE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _error(failure: dict[str, Any], status: int) -> Exception:
    """What a rank raised, as if it had been raised here."""
    from kdrun.train import NonFiniteLossError

    if not failure:
        return RankError(f"torch.distributed.run: {obituary(status)}")
    known = {kind.__name__: kind for kind in (ValueError, NonFiniteLossError)}
    kind, _, told = failure["error"].partition(": ")
    error = (
        known[kind](told) if kind in known else RankError(f"{failure['who']}: {failure['error']}")
    )
    error.add_note(failure["traceback"])
    return error


def tell(**message: Any) -> None:
    """Tell the run something, in a line on the standard output that ranks and agent share."""
    os.write(1, (json.dumps(message) + "\n").encode())


def main() -> None:
    """`python -m kdrun.parallel.distributed PARENT DEVICES WORDS...`: the agent of one training."""
    parent, devices, *where = sys.argv[1:]
    end_with(int(parent))
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import get_args_parser, run

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the run tells it
    with tempfile.TemporaryDirectory(prefix="kdrun-ranks-") as folder:
        words = [f"--nproc-per-node={devices}", f"--log-dir={folder}", *where]
        words += ["-m", "kdrun.parallel.rank", str(os.getpid())]
        try:
            run(get_args_parser().parse_args(words))
        except ChildFailedError as error:
            tell(failure=_failure(error))
            sys.exit(1)


def _failure(error: Any) -> dict[str, str]:
    """Which rank failed, and how: those that it left alone fail too, or are ended by the agent."""

    dead = {rank: one for rank, one in error.failures.items() if one.exitcode < 0}
    killed = [rank for rank, one in dead.items() if one.exitcode != -signal.SIGTERM]
    error.failures = {rank: one for rank, one in error.failures.items() if rank not in dead} or dead
    rank, first = (killed[0], dead[killed[0]]) if killed else error.get_first_failure()
    who = f"rank {rank} of the training"
    if not isinstance(first.message, dict):
        return {"who": who, "error": obituary(first.exitcode), "traceback": ""}
    return {
        "who": who,
        "error": first.message["message"],
        "traceback": first.message["extraInfo"]["py_callstack"],
    }


if __name__ == "__main__":
    main()
