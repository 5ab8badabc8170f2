"""Completions of the teacher's as targets: asked for at each token only where a term reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kdrun.dataset.loader import make_loader
from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight
from kdrun.method.seq_kd import SeqKD
from kdrun.objective import Objective
from kdrun.task.generation import Generation
from kdrun.teacher.network import Frozen
from tests.method.writers import data, network

pytest.importorskip("transformers")


def test_the_teacher_is_asked_only_by_terms_that_read_it(tmp_path: Path) -> None:
    of = data(tmp_path)
    batch = next(make_loader(of.train, 4, seed=0, train=False).epoch(0))
    student, teacher = network(of).eval(), Frozen(network(of, seed=1))
    labels = Objective({"ce": CE()}, {"ce": Weight(1.0)}, of.task)
    (value,) = SeqKD(student, torch.nn.Identity(), labels)(batch).values()
    torch.testing.assert_close(value, of.task.supervised(student(batch), batch))
    terms = {"ce": CE(), "kd": KD(1.0)}
    both = Objective(terms, {"ce": Weight(1.0), "kd": Weight(1.0)}, of.task)
    assert not SeqKD(student, teacher, labels).asks
    assert SeqKD(student, teacher, both).asks
    losses = SeqKD(student, teacher, both)(batch)
    assert set(losses) == {"ce", "kd"}
    assert losses["kd"].item() > 0


def test_what_it_is_not_for_is_told() -> None:
    objective = Objective({"ce": CE()}, {"ce": Weight(1.0)})
    nothing = torch.nn.Identity()
    with pytest.raises(ValueError, match=r"method\.beams=0"):
        SeqKD(nothing, nothing, objective, beams=0)
    with pytest.raises(ValueError, match=r"method\.temperature=1\.0"):
        SeqKD(nothing, nothing, objective, beams=2, temperature=1.0)
    with pytest.raises(ValueError, match="dataset=pairs"):
        SeqKD.suits(Generation(vocabulary=20, end=0))
