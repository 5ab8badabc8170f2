"""The run that trains a teacher: what it takes from the student's, and what it does not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from kdrun.config import register
from kdrun.config.schema import Rerun, folder
from kdrun.teacher.lineage import from_source
from kdrun.teacher.run import TeacherRun, teacher_run


@pytest.fixture(scope="module")
def base() -> DictConfig:
    register.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(folder())):
        return compose("config", overrides=["student=linear", "teacher=mlp"])


Make = Callable[..., TeacherRun]


@pytest.fixture
def run(base: DictConfig) -> Make:
    """The run for a role of the teacher's with some keys changed, beside settings of the run."""

    def make(*settings: tuple[str, object], **role: Any) -> TeacherRun:
        config = copy.deepcopy(base)
        for key, value in settings:
            OmegaConf.update(config, key, value, force_add=True)
        plain: Any = OmegaConf.to_container(config, resolve=True)
        return teacher_run(config, {**plain["teacher"], **role})

    return make


def test_it_learns_from_the_labels_alone(run: Make) -> None:
    made = run(("seed", 3), ("teacher.seed", 7))
    assert made.config.method.name == "supervised"
    assert made.config.student.name == "mlp"
    assert made.config.teacher is None
    assert made.config.seed == 7
    assert made.run_dir.parent == Path("outputs/cache/teacher")
    assert made.run_dir.name.startswith("supervised_mlp_digits_s7-")


def test_two_students_have_one_teacher_and_its_recipe_makes_another(run: Make) -> None:
    one = run().what.digest
    other = (("student.name", "mlp"), ("loss.weights.kd", 9), ("dataset.views", 2))
    assert run(*other).what.digest == one  # what the teacher sees is its own affair
    assert run(recipe={"epochs": 3}).what.digest != one
    assert run(("train.epochs", 3)).what.digest != one


def test_a_recipe_goes_before_what_the_student_is_trained_by(run: Make) -> None:
    sgd = {"_target_": "torch.optim.SGD", "lr": 0.05, "momentum": 0.9}
    recipe = {"epochs": 3, "batch_size": 5, "lr": 0.25, "optimizer": sgd}
    made = run(recipe=recipe).config
    assert (made.train.epochs, made.train.batch_size) == (3, 5)
    assert made.optimizer == {**sgd, "lr": 0.25}  # a rate that was typed is that of any optimizer
    assert run(recipe={"optimizer": sgd}).config.optimizer.lr == 0.05
    assert run(recipe={"lr": 0.25}).config.optimizer.lr == 0.25
    assert "recipe" not in made.student


def test_what_its_student_was_told_is_not_told_to_it(run: Make) -> None:
    told = (("job.identity", "x"), ("job.shared", True), ("logger.tensorboard", {"a": 1}))
    made = run(*told, ("rerun", Rerun.all)).config
    assert made.job.identity is None
    assert not made.job.shared
    assert made.rerun is Rerun.failed
    assert not made.logger
    assert run(("rerun", Rerun.teachers)).config.rerun is Rerun.teachers


def test_a_role_with_a_teacher_is_distilled_from_it(run: Make, base: DictConfig) -> None:
    made = run(teacher={**base.teacher, "name": "below", "seed": 0})
    assert made.config.method.name == "distill"
    assert made.config.teacher.name == "below"
    assert made.what.digest != run().what.digest


@pytest.mark.parametrize(
    ("changed", "begin"),
    [
        ({"begin": "a.pt"}, "a.pt"),
        ({"checkpoint": "b.pt", "head": "new"}, "b.pt"),
        ({"checkpoint": "b.pt", "head": "keep"}, None),  # which is not trained at all
    ],
)
def test_it_begins_with_the_weights_that_its_role_names(
    run: Make, changed: dict[str, str], begin: str | None
) -> None:
    assert run(**changed).config.student.get("checkpoint") == begin


def test_one_that_is_carried_over_begins_with_the_model_of_the_source(run: Make) -> None:
    adapt = {"name": "fine_tune", "_target_": "x"}
    role = from_source({"model": {"_target_": "y"}, "checkpoint": "s.pt", "head": "new"}, adapt)
    made = run(**role).config
    assert made.method.name == "transfer"
    assert made.transfer == adapt
    assert (made.source_model.checkpoint, made.source_model["head"]) == ("s.pt", "new")
    assert made.student.get("checkpoint") is None
