from __future__ import annotations

import json
from pathlib import Path


def test_three_runs_one_after_the_other(kdrun) -> None:
    words = ("method=assistant", "teacher=resnet8", "teacher@method.assistant=mlp")
    told = kdrun(*words, "student=linear", "train.epochs=1", "train.progress=false")
    assert told.status == 0, told.err
    runs = {
        path.parent.name.rsplit("-", 1)[0]: json.loads(path.read_text())
        for path in Path("outputs").rglob("record.json")
    }
    assert set(runs) == {
        "supervised_resnet8_digits_s0",
        "distill_resnet8-mlp_kd_digits_s0",
        "assistant_resnet8-linear_kd_digits_s0",
    }
    middle = runs["distill_resnet8-mlp_kd_digits_s0"]["metrics"]["test_accuracy"]
    student = runs["assistant_resnet8-linear_kd_digits_s0"]["metrics"]
    assert student["teacher_accuracy"] == middle
    told = kdrun(*words, "method.assistant.model.hiden=[3]")
    assert told.status == 2
    assert "'hidden'" in told.err
