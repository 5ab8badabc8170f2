"""Fine-tuning and its options, on the command line and alone."""

from __future__ import annotations

import csv
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from kdrun.files.checkpoint import load_weights
from kdrun.model import build
from kdrun.model.features import Network
from kdrun.transfer.fine_tune import FineTune
from kdrun.transfer.l2_sp import L2SP
from tests.forked import Forked
from tests.run.test_life import epochs_of, metrics

BASE = (
    *("method=transfer", "dataset=digits_shifted", "dataset.train_size=100"),
    *("train.progress=false", "train.precision=fp32", "source_model.recipe.epochs=1"),
)
WORDS = (*BASE, "student=resnet8")
ALL = ("transfer.layer_decay=0.5", "transfer.unfreeze=2", "transfer.l2_sp=0.1")


def network() -> Network:
    config = {"_target_": "kdrun.model.resnet.ResNet", "depth": 8}
    return build(config, num_classes=3, shape=(1, 8, 8))


def record() -> dict[str, Any]:
    (path,) = Path("outputs/default").glob("*/record.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_rates_fall_geometrically_from_the_classifier_down() -> None:
    student = network()
    groups = FineTune(layer_decay=0.5).groups(student, 0.1)
    assert [group["lr"] for group in groups] == pytest.approx([0.1, 0.05, 0.025, 0.0125])
    assert groups[0]["params"] == list(student.net.get_submodule("fc").parameters())
    listed = sorted(id(p) for group in groups for p in group["params"])
    assert listed == sorted(id(p) for p in student.parameters())


def test_l2_sp_replaces_weight_decay() -> None:
    strategy = FineTune(l2_sp=0.1, layer_decay=0.5)
    assert {group["weight_decay"] for group in strategy.groups(network(), 0.1)} == {0.0}
    assert strategy.adaptation is not None
    assert isinstance(strategy.adaptation.losses()["l2_sp"], L2SP)
    assert "weight_decay" not in FineTune().groups(network(), 0.1)[0]


def test_layers_thaw_from_the_top_with_their_statistics() -> None:
    student, strategy = network(), FineTune(unfreeze=2)
    stages = ("layer1", "layer2", "layer3", "fc")
    for epoch, thawed in enumerate((1, 1, 2, 2, 3, 3, 4, 4, 4)):
        student.train()
        strategy.begin_epoch(student, epoch)
        for stage in stages:
            trains = stage in stages[-thawed:]
            module = student.net.get_submodule(stage)
            assert all(p.requires_grad is trains for p in module.parameters()), (epoch, stage)
            norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
            assert all(norm.training is trains for norm in norms)
        assert student.net.get_submodule("bn1").training is (thawed == 4)


def test_frozen_statistics_leave_the_weights_of_batch_norm_free() -> None:
    student = network()
    student.train()
    FineTune(freeze_statistics=True).begin_epoch(student, 0)
    norms = [m for m in student.modules() if isinstance(m, nn.BatchNorm2d)]
    assert not any(norm.training for norm in norms)
    assert all(p.requires_grad for p in student.parameters())


def test_what_is_frozen_does_not_move_and_the_record_says_what_came_over(kdrun) -> None:  # type: ignore[no-untyped-def]
    words = (*WORDS, "transfer=fine_tune", "transfer.unfreeze=1", "train.epochs=2")
    told = kdrun(*words)
    assert told.status == 0, told.err
    assert "epoch 1: frozen are layer1, layer2, layer3" in told.out
    assert "layer1, layer2 never trained: raise train.epochs" in told.out
    (run,) = Path("outputs/default").glob("transfer_*")
    (model,) = Path("outputs/cache/teacher").glob("source_*")
    before, after = load_weights(model), load_weights(run)
    moved = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"layer3", "fc"}
    report = record()["transfer"]
    assert report["matched"] == len(before) - 2
    assert report["classes_kept"] == 10
    assert len(report["start"]) == 16


def test_killed_it_ends_with_the_same_bits_with_every_option(kdrun, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    words = (*WORDS, "transfer=fine_tune", *ALL, "transfer.l2_sp_head=0.01", "train.epochs=9")
    assert kdrun(*words, "name=whole").status == 0
    process = Forked(*words)  # the source's model is there already
    while process.poll() is None and epochs_of(tmp_path) < 3:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    told = kdrun(*words)
    assert told.status == 0, told.err
    assert "continuing after epoch" in told.out
    (whole,), (torn,) = (Path("outputs", n).glob("transfer_*") for n in ("whole", "default"))
    bits = [(run / "student.safetensors").read_bytes() for run in (whole, torn)]
    assert bits[0] == bits[1]
    rows = metrics(whole / "metrics.csv")
    assert rows == metrics(torn / "metrics.csv")
    assert "loss_l2_sp" in rows[0]


def test_other_classes_get_a_new_head_and_values_are_transferred_too(  # type: ignore[no-untyped-def]
    kdrun, tmp_path: Path
) -> None:
    lines = ["place,width,weight"]
    lines += [f"{'ab'[i % 2]},{i % 7},{(i % 7) * (2 + i % 2) + 0.1 * (i % 3)}" for i in range(120)]
    Path("fields.csv").write_text("\n".join(lines) + "\n")
    told = kdrun(
        *("method=transfer", "transfer=fine_tune", "dataset=table", "dataset.path=fields.csv"),
        *("dataset.label=weight", "dataset.domain=place", "dataset.source=a", "dataset.target=b"),
        *("dataset.task=regression", "student=mlp", "train.progress=false", "train.epochs=2"),
    )
    assert told.status == 0, told.err
    with Path("outputs/default/results.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["test_rmse"]) > 0


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("transfer.head=kep", "transfer.head=kep is not defined; did you mean 'keep'?"),
        ("transfer.layer_decay=-0.5", "transfer.layer_decay=-0.5: give more than 0"),
        ("transfer.layer_decay=2", "transfer.layer_decay=2: give more than 0, at most 1"),
        ("transfer.unfreeze=-1", "transfer.unfreeze=-1: give 0 or more"),
        ("transfer.l2_sp=-0.1", "transfer.l2_sp=-0.1: give 0 or more"),
        ("dataset.labels=none", "transfer=fine_tune learns from the target's labels"),
        ("transfer.l2_ps=0.1", "there is no 'l2_ps' here; did you mean 'l2_sp'?"),
    ],
)
def test_mistakes_end_with_two_and_one_message(kdrun, word: str, told: str) -> None:  # type: ignore[no-untyped-def]
    ended = kdrun(*WORDS, "transfer=fine_tune", word)
    assert ended.status == 2
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert not list(Path("outputs").glob("cache/teacher/*"))  # before anything slow
