"""What a run says of itself while it works: a word at once, then one for each phase.

Imports no torch: the first word comes before that is loaded, which takes seconds.
"""

from __future__ import annotations

import logging
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from kdrun.config.schema import names
from kdrun.terminal.printable import printable

log = logging.getLogger(__name__)


def begin(config: DictConfig) -> None:
    """Say what a run is, before anything slow; nothing where the config cannot be resolved."""
    try:
        plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    except OmegaConfBaseException:
        return  # told by whoever resolves it next
    if "teacher" not in plain["method"]["uses"]:
        plain["teacher"] = None
    what = names(plain)
    learns = f" from {what['teacher']}" if what["teacher"] else ""
    sides = " to ".join(str(what[side]) for side in ("source", "target") if what[side])
    data = f"{what['dataset']} ({sides})" if sides else what["dataset"]
    print(printable(f"{what['method']}: {what['student']}{learns} on {data}"), flush=True)


def read(dataset: str, who: str) -> None:
    """The data are read; for a teacher that is trained on the way it need not be said again."""
    if who.startswith("student"):
        log.info("reading %s", dataset)


def transfer(strategy: str, student: str) -> None:
    """The student gets what the source can teach it."""
    log.info("transfer %s to %s", strategy, student)


def train(who: str, epochs: int, samples: int, done: int) -> None:
    """A network is trained, or goes on after `done` epochs."""
    if done < epochs:
        on = f", continuing after epoch {done}" if done else ""
        many = f"{epochs} epoch{'s' * (epochs != 1)} of {samples:,} sample{'s' * (samples != 1)}"
        log.info("training %s: %s%s", who, many, on)


def score(who: str, samples: int) -> None:
    """A network is scored on the test split."""
    log.info("scoring %s on %s test sample%s", who, f"{samples:,}", "s" * (samples != 1))
