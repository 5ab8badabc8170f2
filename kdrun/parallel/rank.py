"""`python -m kdrun.parallel.rank`: one process of several that train; torchrun starts it."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from omegaconf import DictConfig, OmegaConf
from torch.distributed.elastic.multiprocessing.errors import record

from kdrun.config.schema import Config, Train
from kdrun.device import choose_device
from kdrun.parallel.distributed import TASK
from kdrun.parallel.join import join
from kdrun.parallel.process import end_with
from kdrun.run.course import course_of
from kdrun.run.parts import gather
from kdrun.run.start import begin
from kdrun.score.evaluate import peak_memory_mb
from kdrun.teacher.run import teacher_run

TIMEOUT = timedelta(minutes=30)
"""How long ranks wait for each other, while one validates, say; a dead one is noticed at once."""


@record
def main() -> None:
    """Train with the other ranks, from the last checkpoint of the run to the end."""
    end_with(int(sys.argv[1]))
    line = _Line()
    task = json.loads(os.environ[TASK])
    config: Any = OmegaConf.merge(OmegaConf.structured(Config), OmegaConf.create(task["config"]))
    device = _own_device(config.train.device)
    cuda = device.type == "cuda"
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if cuda else "gloo",
        timeout=TIMEOUT,
        device_id=device if cuda else None,
    )
    first = dist.get_rank() == 0
    root = logging.getLogger()
    root.addHandler(logging.NullHandler())  # what the parts say, the run has said already
    settings: Train = OmegaConf.to_object(config.train)  # type: ignore[assignment]
    settings = replace(settings, device=str(device), progress=settings.progress and first)
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    folder, who = Path(task["run_dir"]), task["who"]
    parts = gather(plain, settings, folder, lambda role: _cached(config, role), who)
    course = course_of(parts, begin(parts), task["threads"])
    if first:
        root.addHandler(_Teller(line))
        root.setLevel(logging.INFO)
    course.train(lambda row: line.tell(row=row), join)
    if first:
        line.tell(measured={"peak_memory_mb": peak_memory_mb(device)})
    dist.destroy_process_group()


def _own_device(name: str) -> torch.device:
    """The device of this rank: its own GPU, or the CPU that it shares with others."""
    device = choose_device(name)
    if device.type != "cuda":
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(device)
    return device


def _cached(config: DictConfig, role: Any) -> Path:
    """The folder of a teacher that was trained before the ranks were started."""
    return teacher_run(config, role).run_dir


class _Line:
    """The line to the run, which reads whole messages from what was standard output.

    Whatever else a library prints goes to standard error.
    """

    def __init__(self) -> None:
        self.out = os.dup(1)
        os.dup2(2, 1)

    def tell(self, **message: Any) -> None:
        """Send a message."""
        os.write(self.out, (json.dumps(message) + "\n").encode())


class _Teller(logging.Handler):
    """What the first rank logs, the run logs: to its terminal and its run.log."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self.line = line

    def emit(self, record: logging.LogRecord) -> None:
        self.line.tell(log=[record.levelno, record.getMessage()])


if __name__ == "__main__":
    try:
        main()
    except Exception:  # torchrun has it in writing, for the run to tell
        sys.exit(1)
