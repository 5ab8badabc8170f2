"""One list of parts, which is validated and built from."""

from __future__ import annotations

import pytest

from kdrun.config.called import FACTS, OWN, at_root, faults, parts, roles, terms
from kdrun.security.places import PLACES
from tests.run.composed import config


def test_every_place_is_one_where_something_may_stand() -> None:
    assert FACTS.keys() <= PLACES.keys() | {"augment"}
    assert OWN.keys() <= FACTS.keys()


def test_the_list_has_every_part_once() -> None:
    plain, _ = config("method=distill", "teacher=mlp", "loss=kd")
    places = [part.where for part in parts(plain)]
    assert len(set(places)) == len(places)
    wanted = ("dataset", "method", "optimizer", "scheduler", "student.model", "teacher.model")
    assert {*wanted, "loss.terms.ce", "loss.terms.kd"} <= set(places)
    assert "transfer" not in places
    assert list(faults(plain)) == []


def test_a_method_without_a_loss_has_the_term_of_the_labels() -> None:
    plain, _ = config("loss=kd")
    assert list(terms(plain)) == ["ce"]


def test_what_is_no_fact_of_a_place_is_a_mistake_of_ours() -> None:
    plain, _ = config()
    with pytest.raises(AssertionError, match="dataset is not told"):
        at_root("dataset", plain)(folds=3)


def test_members_of_members_are_roles() -> None:
    plain, _ = config("method=distill", "teacher=ensemble")
    member = {"name": "m", "model": {"_target_": "x"}, "teacher": {"name": "t"}}
    plain["teacher"]["members"] = {"a": member}
    places = [where for where, _ in roles(plain)]
    assert places == ["student", "teacher", "teacher.members.a", "teacher.members.a.teacher"]
