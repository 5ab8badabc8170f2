"""Numbers that are out of range."""

from __future__ import annotations

import pytest

from kdrun.config.ranges import faults, weights
from tests.run.composed import config


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("batch_size", 0, "must be at least 1"),
        ("ema", 1.0, "must lie in [0, 1)"),
        ("label_smoothing", -0.1, "must lie in [0, 1)"),
        ("epochs", -1, "must not be negative"),
        ("early_stop", 0, "must be at least 1, or null"),
    ],
)
def test_a_setting_of_training(key: str, value: float, told: str) -> None:
    plain, _ = config()
    assert list(faults(plain)) == []
    plain["train"][key] = value
    (fault,) = faults(plain)
    assert fault == f"train.{key}={value}: {told}"


def test_one_cycle_warms_up_by_itself() -> None:
    plain, _ = config("scheduler=one_cycle")
    plain["train"]["warmup_epochs"] = 1
    (fault,) = faults(plain)
    assert "one_cycle warms up by itself" in fault


def test_a_weight_is_of_a_term() -> None:
    (fault,) = weights({"terms": {"kd": {}}, "weights": {"kb": 1.0}}, "loss")
    assert "there is no such term" in fault
    assert "kd" in fault
