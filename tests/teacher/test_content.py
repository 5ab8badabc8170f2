"""A teacher is known by what it is made of."""

from __future__ import annotations

from typing import Any

from kdrun.teacher.content import content
from kdrun.types import Dataset
from tests.teacher.test_once import dataset


def test_a_network_is_its_weights_wherever_they_lie(tmp_path):
    def file(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    def of(role: dict[str, Any], data: Dataset | None = None) -> str:
        return content(role, lambda role: tmp_path / "trained", data or dataset(), [])

    model = {"_target_": "kdrun.model.linear.Linear"}
    role = {"name": "x", "model": model, "checkpoint": file("a.safetensors", "1"), "seed": 0}
    moved = {**role, "name": "y", "checkpoint": file("b.safetensors", "1"), "cache": "logits"}
    assert of(role) == of({**moved, "seed": 3})
    assert of(role) != of({**role, "checkpoint": file("c.safetensors", "2")})
    assert of(role) != of({**role, "stem": "small"})
    assert of(role) != of({**role, "model": {**model, "bias": False}})
    assert of(role) != of(role, dataset(classes=("b", "a")))
    (tmp_path / "trained").mkdir()
    trained = {key: value for key, value in role.items() if key != "checkpoint"}
    file("trained/student.safetensors", "1")
    assert of(role) == of(trained)
    file("trained/student.safetensors", "3")
    assert of(role) != of(trained)


def test_what_else_answers_is_its_file_its_settings_and_what_it_was_fitted_to(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("1")

    def of(role: dict[str, Any], data: Dataset) -> str:
        return content(role, lambda role: tmp_path, data, [])

    role = {"name": "t", "_target_": "x.y", "path": str(table), "missing": "error"}
    first = of(role, dataset())
    assert first == of({**role, "name": "u", "cache": "none"}, dataset())
    assert first != of({**role, "missing": "skip"}, dataset())
    assert first != of(role, dataset(label=1))
    table.write_text("2")
    assert first != of(role, dataset())
