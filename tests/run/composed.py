"""A run's config and its stages, in memory: for tests of what stands between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from kdrun.config import register
from kdrun.config.schema import Train, folder
from kdrun.run.parts import Parts, gather

SMALL = (
    *("method=supervised", "student=linear", "dataset.train_size=48", "train.precision=fp32"),
    *("train.epochs=2", "train.batch_size=16", "train.progress=false", "train.device=cpu"),
)


def config(*words: str) -> tuple[dict[str, Any], Train]:
    """A small run, as plain containers, and its settings of training."""
    register.register(None)
    with initialize_config_dir(version_base="1.3", config_dir=str(folder())):
        made = compose("config", overrides=[*SMALL, *words])
    plain: Any = OmegaConf.to_container(made, resolve=True)
    settings: Any = OmegaConf.to_object(made.train)
    return plain, settings


def nobody(role: Mapping[str, Any]) -> Path:
    """Trains no teacher."""
    raise AssertionError(f"{role['name']} is trained")


def parts(run_dir: Path, *words: str, train: Any = nobody) -> Parts:
    """The parts of a small run."""
    plain, settings = config(*words)
    return gather(plain, settings, run_dir, train)
