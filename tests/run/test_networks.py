"""The networks of a run, each from its role."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.run.composed import parts


def test_peers_are_drawn_apart(tmp_path: Path) -> None:
    made = parts(tmp_path, "method=mutual")
    (twin,) = made.peers.values()
    ours, theirs = made.student.state_dict(), twin.state_dict()
    assert ours.keys() == theirs.keys()
    assert not any(torch.equal(ours[key], theirs[key]) for key in ours if key.endswith("weight"))


def test_a_student_of_answers_stands_on_its_teacher(tmp_path: Path) -> None:
    from kdrun.model import weights
    from kdrun.model.stack import Stack

    teacher = parts(tmp_path)
    role, data = teacher.roles.student, teacher.data
    file = tmp_path / "teacher.safetensors"
    network = teacher.student
    weights.save(file, network, "linear", role["model"], classes=data.classes, shape=data.shape)
    words = ("method=stacked", "teacher=linear", f"teacher.checkpoint={file}")
    made = parts(tmp_path, *words)
    assert isinstance(made.student, Stack)
    assert made.networks.adopted[0]["name"] == "linear"
