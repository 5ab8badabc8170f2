"""The presets of the CIFAR-100 benchmark, over every configs/experiment/cifar100/*.yaml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from kdrun.config.instantiate import call
from kdrun.config.register import register
from kdrun.loss.weight import parse

CONFIGS = Path(__file__).parents[2] / "configs"
PRESETS = sorted(path.stem for path in (CONFIGS / "experiment" / "cifar100").glob("*.yaml"))
LOSSES = sorted(path.stem for path in (CONFIGS / "loss").glob("*.yaml"))
OTHER_RECIPE = {"norm_and_direction": "batches of 128 with Nesterov momentum, as its authors"}
UNPUBLISHED = {"pca_hint": "kdrun's own"}
presets = pytest.mark.parametrize("name", PRESETS)


def composed(*overrides: str) -> dict[str, Any]:
    register(None)
    with initialize_config_dir(str(CONFIGS), version_base="1.3", job_name="kdrun"):
        plain = OmegaConf.to_container(compose("config", overrides=list(overrides)))
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


@presets
def test_first_comment_names_its_source(name: str) -> None:
    first, *comment = (CONFIGS / "experiment" / "cifar100" / f"{name}.yaml").read_text().split("\n")
    assert first == "# @package _global_"
    words = " ".join(line for line in comment if line.startswith("#"))
    source = UNPUBLISHED.get(name, r"\d{4},[# ]+https://")
    if name not in ("protocol", "supervised"):
        assert re.search(source, words)


@presets
def test_every_preset_keeps_the_protocol(name: str) -> None:
    made = composed(f"experiment=cifar100/{name}", "teacher=resnet32x4", "student=resnet8x4")
    assert made["name"] == "cifar100"
    assert made["dataset"]["name"] == "cifar100"
    as_protocol = made["train"]["batch_size"] == 64 and not made["optimizer"]["nesterov"]
    assert as_protocol != (name in OTHER_RECIPE)
    # Losses with a stage before the labels count add it to the 240 epochs.
    before = made["train"]["epochs"] - 240
    assert before in (0, 30)
    assert made["scheduler"]["milestones"] == [before + m for m in (150, 180, 210)]
    assert made["scheduler"]["gamma"] == 0.1
    assert made["optimizer"]["weight_decay"] == 5e-4
    assert made["optimizer"]["momentum"] == 0.9
    assert made["dataset"]["val_fraction"] == 0


@presets
def test_every_preset_is_a_loss_that_can_be_built(name: str) -> None:
    made = composed(f"experiment=cifar100/{name}", "teacher=resnet32x4", "student=resnet8x4")
    if name in LOSSES:
        assert name in made["loss"]["weights"]
    for term in made["loss"]["terms"].values():
        call({**term, "label_smoothing": 0.0} if "label_smoothing" in term else term, "loss")
    for weight in made["loss"]["weights"].values():
        parse(weight)


def test_the_learning_rate_of_a_small_student_leaves_the_teacher_alone() -> None:
    made = composed("experiment=cifar100/kd", "student=shufflenetv2", "optimizer.lr=0.01")
    assert made["optimizer"]["lr"] == 0.01
    assert made["teacher"]["recipe"]["optimizer"]["lr"] == 0.05


def test_a_preset_can_be_varied() -> None:
    made = composed("experiment=cifar100/kd", "loss=dkd", "loss.terms.dkd.beta=2")
    assert made["loss"]["terms"]["dkd"]["beta"] == 2
    assert made["loss"]["weights"] == {"ce": 1.0, "dkd": {"value": 1.0, "warmup": 20}}
