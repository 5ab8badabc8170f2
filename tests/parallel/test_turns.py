"""Work by turns: who is least far goes on, each draws its own numbers, all end when told."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import pytest
import torch

from kdrun.parallel.turns import Alone, Turn, Turns

Work = Callable[[Turn], None]


def by_steps(told: list[str], name: str, begin: int = 0, steps: int = 3) -> Work:
    def work(turn: Turn) -> None:
        told.append(f"{name} begins")
        for step in range(begin, steps):
            turn.over(0, step)
            told.append(f"{name}{step}")

    return work


def test_they_go_on_together_and_who_is_ahead_waits():
    told: list[str] = []
    Turns().run([by_steps(told, "a"), by_steps(told, "b", begin=2)])
    assert told == ["a begins", "b begins", "a0", "a1", "a2", "b2"]

    told.clear()
    Turns().run([by_steps(told, "a"), by_steps(told, "b"), by_steps(told, "c")])
    assert told[:3] == ["a begins", "b begins", "c begins"]
    places = [int(one[1]) for one in told[3:]]
    assert all(abs(places[i] - places[i + 1]) <= 1 for i in range(len(places) - 1))
    assert sorted(told[3:]) == sorted(f"{name}{n}" for name in "abc" for n in range(3))


def test_each_draws_as_if_it_were_alone():
    drawn: dict[int, list[float]] = {}

    def work(seed: int) -> Work:
        def draw(turn: Turn) -> None:
            torch.manual_seed(seed)
            for step in range(4):
                drawn.setdefault(seed, []).append(torch.rand(()).item())
                turn.over(0, step)

        return draw

    Turns().run([work(0), work(1), work(2)])
    together = dict(drawn)
    drawn.clear()
    for seed in range(3):
        work(seed)(Alone())
    assert together == drawn


def test_time_of_others_is_told():
    def work(turn: Turn) -> None:
        for step in range(3):
            turn.over(0, step)
            threading.Event().wait(0.02)
        away.append(turn.away)

    away: list[float] = []
    Turns().run([work, work])
    assert min(away) >= 0.035
    Turns().run([work])
    assert away[-1] == 0.0


def test_who_ends_early_keeps_nobody():
    told: list[str] = []

    def fails(turn: Turn) -> None:
        turn.over(0, 1)
        told.append("ended")

    Turns().run([fails, by_steps(told, "b")])
    assert told == ["b begins", "b0", "b1", "ended", "b2"]


def test_all_are_stopped_by_one():
    told: list[str] = []

    def stops(turn: Turn) -> None:
        turn.over(0, 1)
        turns.stop()

    turns = Turns()
    turns.run([stops, by_steps(told, "b", steps=9)])
    assert told == ["b begins", "b0", "b1"]


def test_ctrl_c_reaches_those_at_work_and_those_who_wait():
    told: list[str] = []

    def endless(sends: bool) -> Work:
        def work(turn: Turn) -> None:
            try:
                for step in range(10**9):
                    turn.over(0, step)
                    if step == 3 and sends:
                        os.kill(os.getpid(), signal.SIGINT)
            finally:
                told.append("ended")

        return work

    with pytest.raises(KeyboardInterrupt):
        Turns().run([endless(True), endless(False)])
    assert told == ["ended", "ended"]
