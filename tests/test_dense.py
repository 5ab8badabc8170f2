"""Pixels and boxes by whole commands: side by side, cut off and continued, as alone to the bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hydra_plugins.test_kdrun_together_launcher import TOGETHER, records, table

ROLES = [
    f"{role}.model.{word}"
    for role, width in (("student", 32), ("teacher", 64))
    for word in ("encoder=test_efficientnet", f"width={width}")
]
WORDS = (
    *("dataset=shapes", "dataset.image_size=32", "dataset.samples=24", "dataset.test_samples=6"),
    *("dataset.view_seed=5", "dataset.val_fraction=0.2", "dataset.augment.flip=true"),
    *("teacher.seed=0", "teacher.recipe.epochs=1", "train.epochs=3", "train.batch_size=8"),
    *("train.precision=fp32", "train.progress=false", "plugins=[stops]"),
    *("loss.terms.ce._target_=stops.Stops", *ROLES),
)
KINDS = {
    "segmentation": ("teacher=fpn", "student=fpn", "kd,ifvd"),
    "detection": ("dataset.task=detection", "teacher=fcos", "student=fcos", "pkd,response"),
}

STOPS = '''
import os, pathlib, signal
from kdrun.loss.ce import CE


class Stops(CE):
    """The term of the labels; somebody types Ctrl-C in the second epoch, once."""

    calls = 0

    def forward(self, student, teacher, batch):
        self.calls += teacher is not None and teacher is not student
        if self.calls == 4 and not pathlib.Path("stopped").exists():
            pathlib.Path("stopped").touch()
            os.kill(os.getpid(), signal.SIGINT)
        return super().forward(student, teacher, batch)
'''


@pytest.mark.slow
@pytest.mark.parametrize("task", KINDS)
def test_side_by_side_and_interrupted_they_are_what_they_are_alone(kdrun, task: str) -> None:
    Path("stops.py").write_text(STOPS)
    *own, losses = KINDS[task]
    words = (*WORDS, *own)
    assert kdrun(*TOGETHER, *words, f"loss={losses}", "name=beside").status == 130
    assert [row["status"] for row in table("beside")] == ["interrupted"] * 2
    told = kdrun(*TOGETHER, *words, f"loss={losses}", "name=beside")
    assert told.status == 0, told.err
    assert "2 jobs learn from the same batches as others: side by side, 2 at once" in told.out

    last = losses.split(",")[-1]
    assert kdrun(*words, f"loss={last}", "name=alone", "teacher.cache=auto").status == 0
    assert table("alone")[0]["answers"].startswith("kept: logits")
    assert {row["answers"] for row in table("beside")} == {"live, of several runs at once"}
    beside = records("beside")
    assert len(beside) == 2
    ((name, alone),) = records("alone").items()
    assert alone["weights_sha256"] == beside[name]["weights_sha256"]
    assert "continuing after epoch" in Path("outputs/beside", name, "run.log").read_text()
    for column in ("agreement", "teacher_map", "test_map", "test_miou", "val_miou", "val_map"):
        assert alone["metrics"].get(column) == beside[name]["metrics"].get(column), column
