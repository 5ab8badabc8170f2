"""One run over several machines: the same command on each, of which the first leads.

The first machine's run is a run like any other. Beside it stands a small store, from which the
others learn what to train next, teachers first, and how it all ended. Imports no torch by itself.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from kdrun.parallel.distributed import RankError, ranks
from kdrun.results.record import Record, load_record

if TYPE_CHECKING:
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

log = logging.getLogger(__name__)

FAREWELL = 20.0
"""Seconds that the first machine waits for the others to hear that it is over."""


class Place(NamedTuple):
    """Where this machine stands.

    Attributes:
        node: its number; 0 leads.
        host: of the machine that leads.
        port: of the store there; the trainings meet at the next one.
    """

    node: int
    host: str
    port: int


def place(train: Any) -> Place:
    """The place of this machine, as the config says or else SLURM.

    Args:
        train: the section of the config.

    Raises:
        ValueError: neither says it, or it is none of `train.nodes` machines.
    """
    node = os.environ.get("SLURM_NODEID") if train.node is None else train.node
    endpoint = _slurm_endpoint() if train.endpoint is None else train.endpoint
    if node is None or endpoint is None:
        raise ValueError(
            f"train.nodes={train.nodes}: which machine is this, and where is the first? Give "
            "train.node=0 there, 1 on the next, and train.endpoint=HOST:PORT of the first on all"
        )
    if not 0 <= int(node) < train.nodes:
        raise ValueError(f"train.node={node}: must lie in 0 to {train.nodes - 1}, train.nodes - 1")
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"train.endpoint={endpoint}: write HOST:PORT")
    return Place(int(node), host, int(port))


def _slurm_endpoint() -> str | None:
    """The first machine of a SLURM job, and a port that other jobs there will hardly choose."""
    machines = os.environ.get("SLURM_JOB_NODELIST")
    if machines is None:
        return None
    names = ["scontrol", "show", "hostnames", machines]
    told = subprocess.run(names, capture_output=True, text=True, check=True)
    return f"{told.stdout.split()[0]}:{20000 + int(os.environ['SLURM_JOB_ID']) % 10000 * 2}"


class Leader:
    """The first machine's side: tells the others what to train.

    Args:
        here: its place.
        nodes: how many machines there are.
    """

    def __init__(self, here: Place, nodes: int) -> None:
        self.here, self.nodes, self.told = here, nodes, 0
        self.store = _store(here, leads=True)

    def train(self, task: str) -> list[str]:
        """Have the others join a training; the words for torchrun here."""
        self._tell({"task": task})
        return _words(self.here, self.nodes)

    def end(self, record: Record | None, error: str = "") -> None:
        """Tell the others how it ended, and wait until they know."""
        self._tell({"record": record, "error": error})
        deadline = time.monotonic() + FAREWELL
        while self.store.add("gone", 0) < self.nodes - 1 and time.monotonic() < deadline:
            time.sleep(0.1)

    def _tell(self, message: dict[str, Any]) -> None:
        self.store.set(str(self.told), json.dumps(message))
        self.told += 1


leader: Leader | None = None
"""Of the run that this process executes; the runs of its teachers are led by the same."""


def run(
    alone: Callable[..., Record],
    config: DictConfig,
    run_dir: Path,
    watch: Any,
    *,
    job: bool = False,
) -> Record:
    """Execute a run on this machine's part of `train.nodes`; as `kdrun.run.life.run`.

    Args:
        alone: that function, which the first machine executes.
        config: see there.
        run_dir: see there.
        watch: see there.
        job: see there.

    Raises:
        RuntimeError: on the others, what the first one raised.
    """
    global leader
    here = place(config.train)
    if here.node:
        return follow(here, config.train.nodes, config.train.devices)
    leader = Leader(here, config.train.nodes)
    record, error = None, "interrupted"
    try:
        alone(config, run_dir, watch, job=job)
        record = load_record(run_dir)
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
        raise
    finally:
        leader.end(record, error)
        leader = None
    return record


def train(
    config: DictConfig,
    run_dir: Path,
    watch: Callable[[dict[str, Any]], None] | None,
    who: str = "",
) -> dict[str, Any]:
    """Train the student of a run in `train.devices` processes, up to its last checkpoint.

    Args:
        config: of the run, whose teacher is trained.
        run_dir: its folder.
        watch: told the row of metrics.csv after each epoch; what it raises ends the training.
        who: what is trained, for those who read along.

    Returns:
        What was measured in the first rank, by column.

    Raises:
        ValueError: a rank found a mistake of the user's.
        ArithmeticError: a loss was not finite.
        RankError: a rank failed otherwise, or died; the message says how.
    """
    import torch

    yaml, threads = OmegaConf.to_yaml(config, resolve=True), torch.get_num_threads()
    told = {"run_dir": str(run_dir), "config": yaml, "who": who, "threads": threads}
    task = json.dumps(told)
    where = leader.train(task) if leader is not None else []
    return ranks(task, config.train.devices, where, watch)


def follow(here: Place, nodes: int, devices: int) -> Record:
    """Train with the first machine, as often as it asks.

    Returns:
        Its record.

    Raises:
        RuntimeError: it failed, which is all there is to say here, or is gone.
    """
    store, heard = _store(here, leads=False), 0
    while "task" in (message := _hear(store, heard)):
        heard += 1
        try:
            ranks(message["task"], devices, _words(here, nodes))
        except (RankError, ValueError, ArithmeticError) as error:
            log.error("%s", error)  # the first machine's ranks end with these
    store.add("gone", 1)
    if message["record"] is None:
        raise RuntimeError(f"the first machine says: {message['error']}")
    record: Record = message["record"]
    return record


def _hear(store: TCPStore, number: int) -> dict[str, Any]:
    """What the first machine tells next."""
    try:
        while not store.check([str(number)]):
            time.sleep(0.2)
        message: dict[str, Any] = json.loads(store.get(str(number)))
    except RuntimeError as error:
        raise RuntimeError(f"the first machine is gone: {error}") from error
    return message


def _words(here: Place, nodes: int) -> list[str]:
    meet = [f"--master-addr={here.host}", f"--master-port={here.port + 1}"]
    return [f"--nnodes={nodes}", f"--node-rank={here.node}", *meet]


def _store(here: Place, *, leads: bool) -> TCPStore:
    from datetime import timedelta

    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    patience = timedelta(hours=1)  # until all machines have come
    return TCPStore(here.host, here.port, None, leads, patience, wait_for_workers=False)
