"""What a shell is told when somebody asks what may be typed next."""

from __future__ import annotations

import pytest

from kdrun.cli import COMMANDS
from kdrun.terminal.completion import divided, first, words


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("kdrun list lo", ["logger", "loss"]),
        ("kdrun list hydra/l", ["hydra/launcher"]),
        ("kdrun options op", ["optimizer="]),
        ("python -m kdrun options optimizer=s", ["optimizer=sgd"]),
        ("kdrun copy train=", ["train=default"]),
        ("kdrun compare outp", []),
        ("kdrun copy train=default my", []),
        ("kdrun opt", None),
        ("kdrun loss=k", None),
        ("kdrun ", None),
    ],
)
def test_arguments_of_commands_are_completed(line, answer):
    assert words(line, COMMANDS) == answer


def test_the_first_word_may_be_a_command():
    assert first("kdrun re", COMMANDS) == ["report", "resume"]
    assert first("kdrun ", COMMANDS) == list(COMMANDS)
    assert first("kdrun loss=kd re", COMMANDS) == []


def test_groups_with_folders_within_end_as_the_others_do():
    assert divided("kdrun seed=1 lo") == ["loss="]
    assert divided("kdrun loss=k") == []
    assert "experiment=" in divided("kdrun ")


def test_a_shell_gets_commands_and_hydras_words(kdrun, monkeypatch):
    monkeypatch.setenv("COMP_LINE", "kdrun l")
    told = kdrun("-sc", "query=bash")
    assert told.status == 0
    assert {"list", "loss=", "logger="} <= set(told.out.split())
    monkeypatch.setenv("COMP_LINE", "kdrun options loss=k")
    assert kdrun("-sc", "query=bash").out.split() == ["loss=kd", "loss=kdsvd"]
