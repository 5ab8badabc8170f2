"""A job of a sweep is a command that knows who asked for it."""

from __future__ import annotations

import sys

import pytest

from kdrun import job


def test_the_words_of_the_command_are_left_and_the_parent_is_watched_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(sys, "argv", ["kdrun.job", "4711", "seed=1", "loss=kd"])
    monkeypatch.setattr(job, "end_with", lambda parent: seen.append(parent))
    monkeypatch.setattr(job.cli, "main", lambda *, job: seen.append((job, [*sys.argv])))
    job.main()
    assert seen == [4711, (True, ["kdrun.job", "seed=1", "loss=kd"])]


def test_without_a_parent_it_is_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job.cli, "main", lambda *, job: pytest.fail("it ran"))
    monkeypatch.setattr(sys, "argv", ["kdrun.job", "seed=1"])
    with pytest.raises(ValueError, match="seed=1"):
        job.main()
