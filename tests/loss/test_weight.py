from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdrun.loss.weight import Weight, parse

epochs = st.floats(0, 1000)


@given(epoch=epochs, value=st.floats(-1e6, 1e6))
def test_a_number_is_a_constant(epoch: float, value: float) -> None:
    assert parse(value)(epoch) == value


def test_warmup_is_that_of_dkd() -> None:
    weight = parse({"value": 8, "warmup": 20})
    for epoch in (0, 0.5, 1, 10, 19, 20, 21, 240):
        assert weight(epoch) == pytest.approx(8 * min(epoch / 20, 1))


def test_cosine_falls_to_its_value_and_stays() -> None:
    weight = parse({"initial": 1, "value": 0.2, "warmup": 100, "shape": "cosine"})
    for epoch in (0, 10, 50, 99.5):
        expected = 0.2 + 0.8 * 0.5 * (1 + math.cos(math.pi * epoch / 100))
        assert weight(epoch) == pytest.approx(expected)
    assert weight(100) == weight(1000) == 0.2


def test_stages_hand_over_without_a_gap_or_an_overlap() -> None:
    first, then = parse({"value": 1, "until": 30}), parse({"value": 1, "start": 30})
    assert [first(e) + then(e) for e in (0, 29.99, 30, 30.01, 240)] == [1, 1, 1, 1, 1]
    assert first(30) == 0
    assert then(29.99) == 0


def test_warmup_begins_at_start() -> None:
    weight = Weight(2, warmup=10, start=30)
    assert [weight(e) for e in (29, 30, 35, 40, 50)] == [0, 0, 1, 2, 2]


@given(
    epoch=epochs,
    value=st.floats(-100, 100),
    initial=st.floats(-100, 100),
    warmup=st.floats(0, 300),
    shape=st.sampled_from(["linear", "cosine"]),
)
def test_weight_stays_between_its_ends(
    epoch: float, value: float, initial: float, warmup: float, shape: str
) -> None:
    weight = Weight(value, initial=initial, warmup=warmup, shape=shape)
    low, high = sorted((initial, value))
    assert low - 1e-9 <= weight(epoch) <= high + 1e-9


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"value": 1, "warm_up": 3}, "did you mean warmup"),
        ({"warmup": 3}, "needs a value; given are warmup"),
        ({}, "needs a value; given are no keys"),
        ({"value": "1"}, "value of a weight is a number, not '1'"),
        ("1", "is a number, not '1'"),
        (None, "is a number, not None"),
        (True, "is a number, not True"),
        (math.nan, "value of a weight is finite"),
        ({"value": 1, "start": 5, "until": 5}, "lies after start"),
        ({"value": 1, "until": math.nan}, "lies after start"),
        ({"value": 1, "warmup": -1}, "not negative"),
        ({"value": 1, "shape": "square"}, "one of linear, cosine, not 'square'"),
    ],
)
def test_faults_are_named(spec: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(spec)  # type: ignore[arg-type]
