"""Which losses are summed over processes; that they come to those of one is in test_join.py."""

from __future__ import annotations

import pytest
from torch import nn

from kdrun.loss import Loss
from kdrun.loss.ce import CE
from kdrun.loss.dist import DIST
from kdrun.loss.hidden import Hidden
from kdrun.loss.jsd import JSD
from kdrun.loss.weight import Weight
from kdrun.method.distill import Distill
from kdrun.method.on_policy import OnPolicy
from kdrun.model.features import Network
from kdrun.objective import Objective
from kdrun.parallel.summed import summed
from kdrun.task import Task
from kdrun.task.classification import Classification
from kdrun.task.generation import Generation

TOKENS = Generation(vocabulary=9)


def made(terms: dict[str, Loss], task: Task = TOKENS, own: bool = False) -> Distill | OnPolicy:
    student, teacher = Network(nn.Linear(2, 9)), nn.Identity()
    objective = Objective(terms, dict.fromkeys(terms, Weight(1.0)), task)
    return OnPolicy(student, teacher, objective, 0) if own else Distill(student, teacher, objective)


def test_means_over_tokens_are() -> None:
    assert summed(made({"ce": CE(), "jsd": JSD()}))


@pytest.mark.parametrize("term", [DIST(), Hidden()], ids=["compares tokens", "reads stages"])
def test_what_compares_tokens_or_reads_more_is_not(term: Loss) -> None:
    assert not summed(made({"ce": CE(), "other": term}))


def test_other_tasks_and_texts_that_are_drawn_are_not() -> None:
    assert not summed(made({"jsd": JSD()}, Classification(("a", "b"))))
    assert not summed(made({"jsd": JSD()}, own=True))
