"""Parts object to their settings before anything is read, and leave no trace of being asked."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from kdrun.config.called import roles
from kdrun.config.rehearsal import objections
from tests.run.composed import config

Plain = dict[str, Any]


@pytest.fixture(scope="module")
def base() -> Plain:
    plain, _ = config("method=distill", "teacher=mlp", "loss=kd", "scheduler=one_cycle")
    return plain


def told(base: Plain, **settings: Any) -> list[str]:
    """Objections to settings, whose dots are two underscores."""
    plain = copy.deepcopy(base)
    for name, value in settings.items():
        place: Any = plain
        *parents, last = name.split("__")
        for parent in parents:
            place = place[parent]
        place[last] = value
    return objections(plain, dict(roles(plain)))


def test_nothing_is_said_against_the_defaults_and_no_number_is_drawn(base: Plain) -> None:
    before = torch.random.get_rng_state()
    assert told(base) == []
    assert told(base, loss__terms__kd={"_target_": "kdrun.loss.ctkd.CTKD"}) == []
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("settings", "begin"),
    [
        ({"optimizer__lr": -1.0}, "optimizer.lr=-1.0: Invalid learning rate"),
        ({"scheduler__pct_start": 3.0}, "scheduler: "),
        ({"dataset__augment": {"rotate": -4}}, "dataset.augment: "),
        ({"teacher__recipe__epochs": -2}, "teacher.recipe.epochs=-2: must be at least 0"),
        ({"teacher__recipe__batch_size": 0}, "teacher.recipe.batch_size=0: must be at least 1"),
        ({"teacher__recipe__lr": -2.0}, "teacher.recipe.lr=-2.0: Invalid learning rate"),
        ({"loss__terms__kd__temperature": 0.0}, "loss.terms.kd: temperature=0.0: must be above 0"),
        (
            {"loss__weights": {"ce": 0, "kd": {"value": 1, "until": 1}}},
            "loss.weights: in epoch 2 no term counts",
        ),
    ],
)
def test_each_part_is_heard_with_its_place(
    base: Plain, settings: dict[str, Any], begin: str
) -> None:
    (fault,) = told(base, **settings)
    assert fault.startswith(begin)


def test_a_schedule_is_not_heard_on_an_optimizer_that_cannot_be(base: Plain) -> None:
    assert len(told(base, optimizer__lr=-1.0, scheduler__pct_start=3.0)) == 1


def test_a_rate_of_the_recipe_is_that_of_its_own_optimizer(base: Plain) -> None:
    sgd = {"_target_": "torch.optim.SGD", "lr": -1.0}
    assert told(base, teacher__recipe__optimizer=sgd, teacher__recipe__lr=0.1) == []
    assert told(base, teacher__recipe__optimizer=sgd)[0].startswith("teacher.recipe.lr=-1.0: ")


def test_a_term_that_counts_for_nothing_is_not_asked(base: Plain) -> None:
    assert told(base, loss__weights={"ce": 1.0}, loss__terms__kd__temperature=0.0) == []


def test_what_is_no_objection_to_a_setting_is_left_to_the_run(base: Plain) -> None:
    assert told(base, loss__terms__kd__temperature="warm") == []  # a TypeError: signatures tell it
