"""A run that goes on does so in what it began with: number format and threads decide its bits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from kdrun.config.schema import Precision, Train
from kdrun.device import choose_device, choose_dtype, precision
from kdrun.files.checkpoint import begun, load_state, malformed
from kdrun.run.folder import CHECKPOINT

if TYPE_CHECKING:
    from kdrun.train import Training

log = logging.getLogger(__name__)


def in_its_format(settings: Train, run_dir: Path) -> Train:
    """The settings of a run with the number format that it began with, if it goes on.

    `auto` may mean another one on the machine where it was begun.

    Args:
        settings: as this command was given them.
        run_dir: its folder, with a checkpoint or none.

    Raises:
        ValueError: its checkpoint is damaged.
    """
    began = begun(run_dir).precision
    here = precision(choose_dtype(settings.precision, choose_device(settings.device)))
    if began is None:
        return settings
    if began == here:  # which `auto`, measured now, might not be again
        return replace(settings, precision=Precision[began])
    log.info(
        "going on in %s, as it began: train.precision=%s is %s here",
        *(began, settings.precision.name, here),
    )
    if began not in Precision.__members__:
        raise ValueError(f"{run_dir / CHECKPOINT}: {malformed(f'precision {began}')}")
    return replace(settings, precision=Precision[began])


def restore(training: Training, path: Path) -> None:
    """Let a training go on from a checkpoint.

    Raises:
        ValueError: it is damaged, or not of such a training.
    """
    state = load_state(path)
    try:
        training.load(state)
    except torch.OutOfMemoryError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{path}: {malformed(told)}") from error


@contextmanager
def on_its_threads(run_dir: Path) -> Iterator[None]:
    """Sums are taken in an order that the number of threads decides: keep the one of its begin.

    Args:
        run_dir: the folder of a run, with a checkpoint or none.

    Raises:
        ValueError: its checkpoint is damaged.
    """
    here, began = torch.get_num_threads(), begun(run_dir).threads
    if began in (None, here):
        yield
        return
    log.info("going on with threads: %d, as it began; a new run would take %d here", began, here)
    torch.set_num_threads(began)
    try:
        yield
    finally:
        torch.set_num_threads(here)
