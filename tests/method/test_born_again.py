from __future__ import annotations

import json
from pathlib import Path


def test_more_generations_continue_fewer(kdrun) -> None:
    words = ("method=born_again", "student=mlp", "train.epochs=1", "train.progress=false")
    assert kdrun(*words, "method.generations=1").status == 0
    cache = Path("outputs/cache/teacher")
    (first,) = cache.glob("*/record.json")
    before = first.stat().st_mtime_ns
    assert kdrun(*words, "method.generations=3").status == 0
    records = [json.loads(path.read_text()) for path in cache.glob("*/record.json")]
    assert sorted(record["run"]["method"] for record in records) == [
        *("distill", "distill", "supervised")
    ]
    assert first.stat().st_mtime_ns == before
    rows = [json.loads(path.read_text()) for path in Path("outputs/default").glob("*/record.json")]
    assert {row["config"]["method"]["generations"] for row in rows} == {1, 3}
    assert all(row["metrics"]["teacher_accuracy"] > 0.2 for row in rows)
    assert kdrun(*words, "method.generations=0").status == 2
