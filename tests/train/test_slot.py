"""The tensors that a recorded step reads hold what the eager step computes."""

from __future__ import annotations

import pytest
import torch

from kdrun.dataset.random import Keys, bits
from kdrun.dataset.spot import Spot
from kdrun.loss.ce import CE
from kdrun.loss.ctkd import CTKD
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight
from kdrun.objective import Objective
from kdrun.train.slot import Slot


def objective() -> Objective:
    weights = {"ce": Weight(0.5), "kd": Weight(2.0, warmup=4), "ctkd": Weight(1.0, start=2)}
    return Objective({"ce": CE(), "kd": KD(), "ctkd": CTKD(ramp=0.5)}, weights)


def spot(epoch: int, *index: int, source: Spot | None = None) -> Spot:
    return Spot(torch.tensor(index), epoch, source)


def test_weights_that_move_are_tensors_and_constant_ones_stay_numbers() -> None:
    own = objective()
    slot = Slot(spot(0, 1, 2), [own])
    slot.bind()
    assert own.now["ce"] == 0.5
    weight = own.now["kd"]
    assert isinstance(weight, torch.Tensor)
    for moment in (0.0, 1.0, 3.5, 9.0):
        own.at(moment, 10)
        slot.write(spot(0, 1, 2))
        assert weight.dtype == torch.float64
        assert float(weight) == own.weights["kd"](moment)


def test_what_a_term_makes_of_the_moment_is_fed_until_it_is_released() -> None:
    own = objective()
    term, slot = own.losses()["ctkd"], Slot(spot(0, 1), [own])
    slot.bind()
    for moment in (0.0, 2.5):
        own.at(moment, 10)
        slot.write(spot(0, 1))
        fed = term.moment("strength")
        assert isinstance(fed, torch.Tensor)
        assert float(fed) == pytest.approx(term.strength)
    slot.release()
    assert isinstance(term.moment("strength"), float)


def test_the_tensors_stay_where_they_are_and_hold_the_last_batch() -> None:
    slot = Slot(spot(3, 0, 0, source=spot(3, 0)), [])
    assert slot.spot.source is not None
    index, source = slot.spot.index, slot.spot.source.index
    for given in (spot(3, 4, 5, source=spot(3, 6)), spot(4, 7, 8, source=spot(4, 9))):
        slot.write(given)
    assert slot.spot.index is index
    assert index.tolist() == [7, 8]
    assert source.tolist() == [9]


def test_random_numbers_are_those_of_the_epoch_that_was_written() -> None:
    slot, index = Slot(spot(0, 0, 1), []), torch.tensor([5, 6])
    keys = slot.spot.epoch
    assert isinstance(keys, Keys)
    keys.of(1, "flip")  # as a step that is recorded asks for it
    for epoch in (0, 8):
        slot.write(spot(epoch, 5, 6))
        assert torch.equal(bits(1, keys, index, "flip"), bits(1, epoch, index, "flip"))


def test_a_batch_of_another_size_does_not_fit() -> None:
    with pytest.raises(RuntimeError):
        Slot(spot(0, 1, 2), []).write(spot(0, 1, 2, 3))
