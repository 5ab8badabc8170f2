"""Who teaches whom in a run: roles, from what stands in the yaml of its method. Imports no torch.

| in the method's yaml | who teaches |
| --- | --- |
| `uses: [teacher]` | the teacher of the config |
| `assistant: ROLE` | the assistant, whom the teacher taught; of a chain, the last of them |
| `adapt: STRATEGY` | the teacher, trained on the source and carried over by that strategy |
| `generations: K` | the student's architecture, trained K times, each time from the one before |

A role may itself name a `teacher`, from which its network is then distilled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kdrun.config.schema import KEPT

Role = Mapping[str, Any]

APART = 1000
"""Distance of the seeds of networks that are trained for one run, so that replicates share none."""


class Lineage(NamedTuple):
    """The roles of a run.

    Attributes:
        student: that is trained.
        teacher: None where nobody teaches.
        untouched: the teacher as it was before it was carried over from the source; None where it
            was not.
        source: of the model that a strategy begins with; None without one.
        peers: that learn at the same time, by name.
    """

    student: Role
    teacher: Role | None
    untouched: Role | None
    source: Role | None
    peers: dict[str, Role]


def lineage(plain: Mapping[str, Any]) -> Lineage:
    """The roles of a run.

    Args:
        plain: its config as plain containers.

    Raises:
        ValueError: `generations` are none.
    """
    method, student = plain["method"], plain["student"]
    role: Role | None = plain["teacher"] if "teacher" in method["uses"] else None
    untouched, peers = None, dict(method.get("peers") or {})
    if role is not None and "assistant" in method:
        role = _taught(method["assistant"], role)
    if role is not None and "adapt" in method:
        role, untouched = from_source(role, method["adapt"]), from_source(role, {"name": None})
    if "generations" in method:
        kept = {key: value for key, value in (plain.get("teacher") or {}).items() if key in KEPT}
        role = _generation({**student, **kept}, method["generations"], plain["seed"])
    if "peers" in method and not peers:
        peers = {"twin": {**student, "name": f"{student['name']}_twin"}}
    source = None
    if "transfer" in method["uses"]:
        source = {**student, **plain["source_model"], "method": "source"}
    return Lineage(student, role, untouched, source, peers)


def _taught(assistant: Role, teacher: Role) -> Role:
    """The assistant, or a chain of them, whose last has a teacher."""
    role = last = dict(assistant)
    while last.get("teacher"):
        last["teacher"] = dict(last["teacher"])
        last = last["teacher"]
    last["teacher"] = teacher
    return role


def _generation(student: Role, generations: int, seed: int) -> Role:
    """Generation K − 1, whose teacher is generation K − 2, and so on."""
    if generations < 1:
        raise ValueError(f"method.generations={generations}: must be at least 1")
    role: dict[str, Any] = {}
    for k in range(generations):
        before = {"teacher": role} if role else {}
        began = {"begin": student.get("checkpoint"), "checkpoint": None}  # each is trained from it
        role = {**student, **began, "seed": seed + APART * (k + 1), **before}
    return role


def from_source(role: Role, adapt: Mapping[str, Any]) -> Role:
    """The role of a network, or of those that an ensemble is made of, trained on the source.

    Args:
        role: of a teacher. One that needs no training stays as it is.
        adapt: the strategy that carries it over to the target; its name is None for none.
    """
    if "members" in role:
        members = {name: from_source(own, adapt) for name, own in role["members"].items()}
        return {**role, "members": members}
    if "model" not in role:
        return role
    if adapt["name"] is None:
        return {**role, "method": "source"}
    began = {"source_checkpoint": role["checkpoint"], "checkpoint": None}
    return {**role, **began, "method": "transfer", "transfer": adapt}
