"""A run from its config to its scores."""

from __future__ import annotations

import json
from pathlib import Path

WORDS = ("student=linear", "train.epochs=1", "train.progress=false", "dataset.train_size=48")


def test_each_stage_tells_the_record(kdrun) -> None:
    assert kdrun(*WORDS, "method=mutual").status == 0
    records = [json.loads(p.read_text()) for p in Path("outputs/default").glob("*/record.json")]
    (student,) = (r for r in records if r["config"]["student"]["name"] == "linear")
    (peer,) = (r for r in records if r["config"]["student"]["name"] == "linear_twin")
    assert student["data"]  # Parts
    assert student["run"]["epochs"] == 1  # Start
    assert student["metrics"]["test_accuracy"] > 0  # Scores
    assert peer["identity"] != student["identity"]
    assert peer["weights_sha256"] != student["weights_sha256"]
    assert peer["run"]["device"] == student["run"]["device"]
    assert "teachers" not in student
    assert "transfer" not in student
