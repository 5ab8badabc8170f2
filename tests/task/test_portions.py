"""Very many rows in portions: the same values and gradients as all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor

import kdrun
from kdrun.config.instantiate import call
from kdrun.loss import Loss
from kdrun.loss.weight import Weight
from kdrun.objective import Objective
from kdrun.task import portions
from kdrun.task.generation import Generation
from kdrun.types import Batch, Outputs

CONFIGS = Path(kdrun.__file__).parents[1] / "configs" / "loss"
LOSSES: dict[str, Any] = {}
for _path in sorted(CONFIGS.glob("*.yaml")):
    _plain: Any = OmegaConf.to_container(OmegaConf.load(_path))
    LOSSES |= (
        {_path.stem: _plain["terms"][_path.stem]} if _path.stem in _plain.get("terms", {}) else {}
    )

TASK = Generation(vocabulary=11)


def made(name: str) -> Loss:
    loss: Loss = call(LOSSES[name], "loss")
    return loss


BY_ROW = [name for name in LOSSES if "${" not in str(LOSSES[name]) and made(name).by_row]


def texts() -> tuple[Tensor, Tensor, Batch]:
    torch.manual_seed(0)
    target = torch.randint(-1, 11, (3, 7))
    target[1] = -1
    logits, taught = (torch.randn(3, 7, 11, dtype=torch.float64) for _ in range(2))
    return logits.requires_grad_(), taught, Batch({}, target, torch.arange(3))


def test_there_are_some() -> None:
    assert {"kd", "reverse_kl", "jsd", "skew_kl", "skew_reverse_kl", "uld"} <= {*BY_ROW}


@pytest.mark.parametrize("name", BY_ROW)
@pytest.mark.parametrize("large", [11, 77, 160])
def test_in_portions_a_loss_and_its_gradient_are_the_same(
    name: str, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = Objective({name: made(name)}, {name: Weight(1.0)}, TASK)
    calls: list[None] = []
    objective.terms[name].register_forward_hook(lambda *_: calls.append(None))
    found, parts = [], []
    for most in (portions.LARGE, large):
        monkeypatch.setattr("kdrun.task.portions.LARGE", most)
        logits, taught, batch = texts()
        calls.clear()
        (value,) = objective(Outputs(logits), Outputs(taught), batch).values()
        parts.append(len(calls))
        value.backward()
        found.append((value, logits.grad))
    assert parts == [1, 2]  # of three texts one has no token that counts
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_labels_too(smoothing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for most in (portions.LARGE, 25):
        monkeypatch.setattr("kdrun.task.portions.LARGE", most)
        logits, _, batch = texts()
        value = TASK.supervised(Outputs(logits), batch, smoothing)
        value.backward()
        found.append((value, logits.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
