"""A run that was asked for is a value, and a run that is stopped is no mistake of anybody."""

from __future__ import annotations

from pathlib import Path

from omegaconf import OmegaConf

from kdrun.config.identity import Identity
from kdrun.run.asked import Asked, PrunedError
from kdrun.run.life import MISTAKES


def test_the_same_with_another_watch_is_another_value() -> None:
    who = Identity({"seed": 0}, {}, {}, "0" * 64)
    asked, rows = Asked(OmegaConf.create(), Path("a"), who, None, "student"), []
    watched = asked._replace(watch=rows.append)
    assert asked.watch is None
    assert watched.watch is not None
    watched.watch({"epoch": 1})
    assert rows == [{"epoch": 1}]
    assert (watched.what, watched.run_dir, watched.role) == (who, Path("a"), "student")


def test_to_be_pruned_is_neither_a_mistake_nor_an_interruption() -> None:
    assert issubclass(PrunedError, Exception)
    assert not issubclass(PrunedError, MISTAKES)
