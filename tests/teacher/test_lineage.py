"""Who teaches whom, from what stands in a method's yaml."""

from __future__ import annotations

from typing import Any

import pytest

from kdrun.teacher.lineage import from_source, lineage

STUDENT = {"name": "tiny", "model": {"_target_": "x"}}
BIG = {"name": "big", "model": {"_target_": "y"}, "checkpoint": None}


def config(uses: list[str], **method: Any) -> dict[str, Any]:
    """A run's, as far as roles go."""
    chosen = {"name": "any", "uses": uses, **method}
    beside = {"source_model": {"checkpoint": None, "seed": 0}, "seed": 3}
    return {"student": STUDENT, "teacher": BIG, "method": chosen, **beside}


def test_a_method_that_uses_no_teacher_has_none() -> None:
    found = lineage(config(["loss"]))
    assert (found.teacher, found.untouched, found.source, found.peers) == (None, None, None, {})
    assert found.student == STUDENT
    assert lineage(config(["teacher", "loss"])).teacher == BIG


def test_the_assistant_learns_from_the_teacher() -> None:
    assistant = {"name": "middle", "seed": 0}
    role = lineage(config(["teacher", "loss"], assistant=assistant)).teacher
    assert role is not None
    assert (role["name"], role["teacher"]["name"]) == ("middle", "big")
    chain = {**assistant, "teacher": {"name": "second"}}
    role = lineage(config(["teacher", "loss"], assistant=chain)).teacher
    assert role is not None
    assert role["teacher"]["name"] == "second"
    assert role["teacher"]["teacher"]["name"] == "big"
    assert "teacher" not in assistant


def chain(generations: int) -> list[int]:
    """Seeds of the generations, the oldest last."""
    role: Any = lineage(config(["loss"], generations=generations)).teacher
    seeds = []
    while role:
        assert role["model"] == STUDENT["model"]
        seeds.append(role["seed"])
        role = role.get("teacher", {})
    return seeds


def test_generation_k_learns_from_generation_k_minus_1() -> None:
    assert chain(1) == [1003]
    assert chain(3) == [3003, 2003, 1003]
    assert chain(3)[1:] == chain(2)  # the same runs, trained once
    with pytest.raises(ValueError, match="at least 1"):
        chain(0)


def test_a_teacher_is_carried_over_and_known_as_it_was() -> None:
    adapt = {"name": "mcc"}
    found = lineage(config(["teacher", "transfer", "loss"], adapt=adapt))
    assert found.teacher == from_source(BIG, adapt)
    assert found.untouched == {**BIG, "method": "source"}
    assert found.source == {**STUDENT, "checkpoint": None, "seed": 0, "method": "source"}


def test_without_peers_a_twin_of_the_student_is_one() -> None:
    assert lineage(config(["loss"], peers={})).peers == {"twin": {**STUDENT, "name": "tiny_twin"}}
    assert list(lineage(config(["loss"], peers={"other": BIG})).peers) == ["other"]
