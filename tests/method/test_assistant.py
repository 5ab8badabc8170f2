from __future__ import annotations

import json
from pathlib import Path

from kdrun.method.assistant import Assistant


def test_the_assistant_learns_from_the_teacher() -> None:
    assistant = {"name": "middle", "seed": 0}
    config = {"teacher": {"name": "big"}, "method": {"assistant": assistant}}
    role = Assistant.teacher_role(config)
    assert (role["name"], role["teacher"]["name"]) == ("middle", "big")
    config["method"]["assistant"] = {**assistant, "teacher": {"name": "second"}}
    role = Assistant.teacher_role(config)
    assert role["teacher"]["name"] == "second"
    assert role["teacher"]["teacher"]["name"] == "big"
    assert "teacher" not in assistant


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
