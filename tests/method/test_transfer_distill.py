"""Transfer and distillation together, as a user meets them: runs on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from kdrun.teacher.lineage import from_source

WORDS = (
    *("dataset=digits_shifted", "dataset.train_size=64", "teacher=mlp", "student=linear"),
    *("train.epochs=1", "train.progress=false"),
)
AUGMENT = "dataset.augment.crop_padding=0"


def rows() -> list[dict[str, str]]:
    with Path("outputs/default/results.csv").open() as file:
        return list(csv.DictReader(file))


def cached() -> list[dict[str, Any]]:
    found = [json.loads(p.read_text()) for p in Path("outputs/cache/teacher").glob("*/record.json")]
    return sorted(found, key=lambda record: str(record["run_id"]))


def test_the_teacher_is_trained_on_the_source_and_carried_over(kdrun):
    told = kdrun("method=transfer_distill", *WORDS)
    assert told.status == 0, told.err
    source, teacher = cached()
    assert [r["run"]["method"] for r in (source, teacher)] == ["source", "transfer"]
    assert teacher["run"]["transfer"] == "fine_tune"
    assert {r["run"]["student"] for r in (source, teacher)} == {"mlp"}
    (row,) = rows()
    gain = float(row["test_accuracy"]) - float(row["source_only_accuracy"])
    assert float(row["transfer_gain"]) == pytest.approx(gain)
    assert float(row["teacher_accuracy"]) == pytest.approx(teacher["metrics"]["test_accuracy"])


def test_without_adaptation_the_teacher_is_the_sources_model(kdrun):
    told = kdrun("method=cross_domain", "transfer@method.adapt=none", "dataset.labels=none", *WORDS)
    assert told.status == 0, told.err
    (row,) = rows()
    assert row["teacher_accuracy"] == row["source_only_accuracy"]
    assert [r["run"]["method"] for r in cached()] == ["source"]


def test_target_labels_change_nothing_where_there_are_none(kdrun):
    """The same weights whether labels are hidden or flipped: `labels=none` hides them from all."""
    words = ("method=cross_domain", "dataset.val_fraction=0", *WORDS)
    assert kdrun(*words, "dataset.labels=none").status == 0
    (run,) = Path("outputs/default").glob("cross_domain*")
    record = json.loads((run / "record.json").read_text())
    assert record["metrics"]["val_accuracy"] is None
    assert record["metrics"]["majority_accuracy"] < 0.2
    losses = (run / "metrics.csv").read_text().splitlines()
    assert "loss_kd" in losses[0]
    ce = losses[0].split(",").index("loss_ce")
    assert float(losses[1].split(",")[ce]) == 0


def test_the_student_can_begin_with_the_source_too(kdrun):
    told = kdrun("method=transfer_distill", "transfer=fine_tune", *WORDS)
    assert told.status == 0, told.err
    assert {r["run"]["student"] for r in cached()} == {"mlp", "linear"}
    assert rows()[0]["transfer"] == "fine_tune"


def test_a_student_with_a_term_between_domains_sees_the_source(kdrun):
    told = kdrun("method=cross_domain", "transfer=mcc", "dataset.labels=none", *WORDS)
    assert told.status == 0, told.err
    (run,) = Path("outputs/default").glob("cross_domain*")
    header = (run / "metrics.csv").read_text().splitlines()[0]
    assert {"loss_source", "loss_mcc", "loss_kd"} <= set(header.split(","))


def test_only_networks_are_trained_on_the_source():
    network = {"name": "a", "model": {}, "checkpoint": "x"}
    table = {"name": "t", "_target_": "recorded"}
    none, shot = {"name": None}, {"name": "shot"}
    assert from_source(network, none) == {**network, "method": "source"}
    carried = from_source(network, shot)
    assert (carried["checkpoint"], carried["source_checkpoint"]) == (None, "x")
    assert carried["transfer"] == shot
    both = from_source({"name": "e", "members": {"n": network, "t": table}}, none)
    assert both["members"] == {"n": {**network, "method": "source"}, "t": table}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("method.confidence=1.5",), "must lie in [0, 1)"),
        (("transfer@method.adapt=shotgun",), "shotgun"),
        (("dataset.source=null",), "dataset.source"),
    ],
)
def test_mistakes_end_with_two_and_one_message(kdrun, words, told):
    ended = kdrun("method=cross_domain", *WORDS, *words)
    assert ended.status == 2
    assert told in ended.err
    assert "Traceback" not in ended.err
