from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.loss.fitnets import FitNets
from kdrun.loss.kd import KD
from kdrun.loss.members import EachMember
from kdrun.loss.simkd import SimKD
from kdrun.loss.weight import Weight
from kdrun.objective import Objective
from kdrun.types import Batch, Outputs

BATCH = Batch(torch.zeros(4, 1), torch.tensor([0, 1, 2, 0]), torch.arange(4))
TARGETS = torch.tensor([0, 1, 2, 0])


def member(channels: int, share: float, seed: int) -> Outputs:
    generator = torch.Generator().manual_seed(seed)
    stage = torch.randn(4, channels, 2, 2, generator=generator)
    logits = torch.randn(4, 3, generator=generator)
    return Outputs(logits, features=(stage,), weight=torch.full((4,), share))


def ensemble(*members: Outputs) -> Outputs:
    return Outputs(torch.zeros(4, 3), members=members)


STUDENT = Outputs(torch.randn(4, 3), features=(torch.randn(4, 5, 2, 2),))


def test_the_value_is_the_weighted_sum_over_the_members() -> None:
    teacher = ensemble(member(6, 0.25, 1), member(7, 0.75, 2))
    loss = EachMember(FitNets(0))
    loss.build(STUDENT, teacher, TARGETS)
    expected = 0.0
    for own, outputs, share in zip(loss.terms.values(), teacher.members, (0.25, 0.75), strict=True):
        expected += share * own(STUDENT, outputs, BATCH).item()
    assert loss(STUDENT, teacher, BATCH).item() == pytest.approx(expected)


def test_a_member_without_stages_is_left_out_and_one_with_them_is_needed() -> None:
    silent = Outputs(torch.zeros(4, 3), weight=torch.full((4,), 0.5))
    loss = EachMember(FitNets(0))
    loss.build(STUDENT, ensemble(silent, member(6, 0.5, 1)), TARGETS)
    assert list(loss.terms) == ["1"]
    with pytest.raises(ValueError, match="no member of the ensemble gives features"):
        EachMember(FitNets(0)).build(STUDENT, ensemble(silent), TARGETS)


def test_a_classifier_of_several_cannot_be_reused() -> None:
    with pytest.raises(ValueError, match="SimKD reuses a part of one teacher"):
        EachMember(SimKD())


def test_the_objective_gives_adapters_to_each_member_and_logits_to_the_whole() -> None:
    terms = {"fitnets": FitNets(0), "kd": KD()}
    objective = Objective(terms, {"fitnets": Weight(1.0), "kd": Weight(1.0)})
    objective.build(STUDENT, ensemble(member(6, 0.5, 1), member(7, 0.5, 2)), TARGETS)
    assert isinstance(objective.terms["fitnets"], EachMember)
    assert isinstance(objective.terms["kd"], KD)
    assert sum(isinstance(m, nn.Conv2d) for m in objective.modules()) == 2
