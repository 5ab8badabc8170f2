"""What both guards say of a bad loss; that of a GPU is held to it on a CPU."""

from __future__ import annotations

import math

import pytest
import torch

from kdrun.train.guard import DeviceGuard, Guard, HostGuard, Meter, NonFiniteLossError, skips

CPU = torch.device("cpu")


def guards() -> list[tuple[Meter, Guard]]:
    host, device = Meter(["ce", "kd"], CPU), Meter(["ce", "kd"], CPU)
    return [(host, HostGuard()), (device, DeviceGuard(device))]


def see(meter: Meter, guard: Guard, step: int, **losses: float) -> None:
    values = torch.tensor(list(losses.values()))
    meter.add(tuple(losses), values, 4)
    guard.see(tuple(losses), values, values.sum())
    meter.count(tuple(losses), 4)
    guard.look(step)


def follow(meter: Meter, guard: Guard, *batches: dict[str, float]) -> None:
    for step, losses in enumerate(batches, start=1):
        see(meter, guard, step, **losses)
    guard.look(0)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_it_names_term_epoch_and_batch(kind, value):
    meter, guard = guards()[kind]
    guard.begin(2)
    good, bad = {"ce": 1.0, "kd": 2.0}, {"ce": 1.0, "kd": value}
    with pytest.raises(NonFiniteLossError, match=r"kd is not finite in epoch 3, batch 2 \(ce = 1,"):
        # A GPU is asked later; the first one counts.
        follow(meter, guard, good, bad, {"ce": value, "kd": value})


@pytest.mark.parametrize("kind", [0, 1])
def test_a_term_that_joins_in_mid_epoch_is_named(kind):
    meter, guard = guards()[kind]
    meter.begin()
    guard.begin(0)
    batches = {"ce": 1.0}, {"ce": 1.0, "kd": 2.0}, {"ce": 1.0, "kd": math.nan}
    with pytest.raises(NonFiniteLossError, match=r"term kd is not finite in epoch 1, batch 3"):
        follow(meter, guard, *batches)


@pytest.mark.parametrize("kind", [0, 1])
def test_a_bad_loss_before_another_term_joins_keeps_its_name(kind):
    meter, guard = guards()[kind]
    guard.begin(0)
    batches = {"ce": 1.0}, {"ce": math.nan}, {"ce": 1.0, "kd": 2.0}
    with pytest.raises(NonFiniteLossError, match=r"term ce is .* epoch 1, batch 2 \(ce = nan\)"):
        follow(meter, guard, *batches)


def test_a_term_counts_zero_where_it_is_not():
    meter, guard = guards()[0]
    see(meter, guard, 1, ce=1.0)
    see(meter, guard, 2, ce=3.0, kd=2.0)
    assert meter.means() == {"loss": 3.0, "loss_ce": 2.0, "loss_kd": 1.0}
    meter.begin()
    see(meter, guard, 1, ce=1.0)
    assert meter.means() == {"loss": 1.0, "loss_ce": 1.0}


def test_an_unknown_term_is_told():
    meter, guard = guards()[0]
    with pytest.raises(ValueError, match="gave the term at, which its `terms` does not name"):
        see(meter, guard, 1, at=1.0)


@pytest.mark.parametrize("fused", [False, True])
def test_the_device_guard_lets_no_bad_step_through(fused):
    meter, guard = guards()[1]
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9, fused=fused)
    assert skips(optimizer) == fused
    guard.begin(0)
    for step, value in enumerate((1.0, math.nan, 1.0), start=1):
        see(meter, guard, step, ce=value)
        weight.grad = torch.full_like(weight, value)
        if step > 1 and not fused:  # these are asked for each step
            with pytest.raises(NonFiniteLossError):
                guard.step(optimizer)
            continue
        guard.step(optimizer)
    assert torch.equal(weight.detach(), torch.full((3,), 0.9))


def test_the_device_is_asked_now_and_then():
    meter, guard = guards()[1]
    guard.begin(0)
    see(meter, guard, 1, ce=math.nan)
    for step in range(2, DeviceGuard.interval):
        see(meter, guard, step, ce=1.0)
    with pytest.raises(NonFiniteLossError, match="batch 1 "):
        see(meter, guard, DeviceGuard.interval, ce=1.0)
