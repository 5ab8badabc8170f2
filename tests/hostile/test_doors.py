"""The harness notices what it is there to notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.doors import Attack, Place, header, through, weights


def trusted(place: Place) -> None:
    weights(place, header(model={"_target_": f"{place.module()}.Net"}))


def links(place: Place) -> None:
    trusted(place)
    (place.home / "evil.py").write_text(
        "open('elsewhere', 'w').close()\nprint('\\x1b[2J')\n1 / 0\n"
    )


def test_code_of_a_package_that_is_trusted_is_noticed(tmp_path: Path) -> None:
    outcome = through(
        Attack("trusted", "weights", trusted, ("--plugin", "evil")), "predict", tmp_path / "a"
    )
    assert outcome.got_through
    assert "its code ran" in outcome.wrong


def test_what_is_written_elsewhere_and_a_traceback_are_noticed(tmp_path: Path) -> None:
    outcome = through(
        Attack("writes", "weights", links, ("--plugin", "evil")), "predict", tmp_path / "a"
    )
    assert outcome.got_through
    told = "; ".join(outcome.wrong)
    assert "wrote home/elsewhere" in told
    assert "a traceback" in told
    assert "an escape sequence" in told
    assert "status 1" in told


@pytest.mark.parametrize(
    ("code", "seconds", "told"),
    [("x = b'x' * (300 << 20); import time; time.sleep(0.2)", 60, "MB"), ("while True: 1", 1, "s")],
)
def test_memory_and_time_are_noticed(code: str, seconds: int, told: str, tmp_path: Path) -> None:
    def hungry(place: Place) -> None:
        trusted(place)
        (place.home / "evil.py").write_text(code)

    bounds = {"memory": 200 << 20, "seconds": seconds}
    attack = Attack("hungry", "weights", hungry, ("--plugin", "evil"), **bounds)
    wrong = through(attack, "predict", tmp_path / "a").wrong
    assert any(each.startswith("took") and each.endswith(told) for each in wrong)


@pytest.mark.parametrize("door", ["predict", "export"])
def test_what_is_in_order_is_let_in(door: str, tmp_path: Path) -> None:
    outcome = through(Attack("none", "weights", weights, harmless=(door,)), door, tmp_path / "a")
    assert (outcome.status, outcome.wrong) == (0, [])
