"""A term that does nothing is told of, once."""

from __future__ import annotations

import logging

import pytest

from kdrun.run.share import shares, warn_of_idle
from kdrun.train import Row

ROW: Row = {"epoch": 1, "loss": 0.5, "loss_ce": 1.5, "loss_shot": -0.5, "val_accuracy": 0.5}


def test_shares_are_of_the_sizes() -> None:
    assert shares(ROW) == {"ce": 0.75, "shot": 0.25}
    assert shares({"loss_ce": 0.0}) == {}


def test_an_idle_term_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    idle: Row = {"loss_ce": 1.0, "loss_bsp": 9e-7, "loss_mmd": -1e-3}
    history: list[Row] = []
    with caplog.at_level(logging.WARNING):
        for epoch in range(1, 5):
            history.append({"epoch": epoch, **(idle if epoch > 1 else ROW)})
            warn_of_idle(history)
    (told,) = caplog.messages
    assert "epoch 2: the term bsp is 9e-07 of the loss" in told


def test_little_is_not_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_idle([{"epoch": 1, "loss_ce": 1.0, "loss_bsp": 2e-6}])
    assert not caplog.messages


def test_what_has_nothing_to_do_is_not_told_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_idle([{"epoch": 1, "loss_ce": 0.0, "loss_kd": 1.0}], expected={"ce"})
    assert not caplog.messages
