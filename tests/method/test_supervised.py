"""Labels alone: what the student says is compared with nothing else."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.loss.ce import CE
from kdrun.loss.weight import Weight
from kdrun.method.supervised import Supervised
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.types import Batch


@pytest.fixture
def method() -> Supervised:
    torch.manual_seed(0)
    objective = Objective({"ce": CE()}, {"ce": Weight(0.5)})
    return Supervised(Network(nn.Sequential(nn.Linear(4, 3))), objective)


def batch(*labels: int) -> Batch:
    x = torch.randn(len(labels), 4, generator=torch.Generator().manual_seed(1))
    return Batch(x, torch.tensor(labels), torch.arange(len(labels)))


def test_its_loss_is_the_cross_entropy_of_what_is_labelled(method: Supervised) -> None:
    given = batch(0, 2, -1, 1)
    (loss,) = method(given).values()
    logits = method.student(given).logits
    told = [logits[n].log_softmax(0)[label].item() for n, label in ((0, 0), (1, 2), (3, 1))]
    assert loss.item() == pytest.approx(-0.5 * sum(told) / 3)
    loss.backward()
    assert all(p.grad is not None for p in method.student.parameters())


def test_there_is_nobody_else(method: Supervised) -> None:
    assert method.terms() == ["ce"]
    assert method.grown() is None
    assert not method.reads_answers
    assert {name.split(".")[0] for name, _ in method.named_parameters()} == {"student"}
    method.begin_epoch(0)
    method.after_step()


def test_the_term_of_labels_is_a_mean_over_those_that_are_known(method: Supervised) -> None:
    given = batch(0, -1)
    targets, labelled = method.over("ce", given)
    assert targets is given.target
    assert labelled
