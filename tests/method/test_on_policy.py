"""Texts of the student's own: which batches, which tokens, and the same again after a stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.dataset.lines import lines
from kdrun.dataset.loader import make_loader
from kdrun.loss.ce import CE
from kdrun.loss.jsd import JSD
from kdrun.loss.weight import Weight
from kdrun.method.on_policy import OnPolicy
from kdrun.objective import Objective
from kdrun.task.classification import Classification
from kdrun.teacher.network import Frozen
from kdrun.types import Batch, Dataset
from tests.method.writers import data, network

pytest.importorskip("transformers")


def made(of: Dataset, form: str = "joined", **settings: Any) -> OnPolicy:
    weights = {"ce": Weight(0.5), "jsd": Weight(1.0)}
    objective = Objective({"ce": CE(), "jsd": JSD()}, weights, of.task)
    student, teacher = network(of, form), Frozen(network(of, form, seed=1))
    return OnPolicy(student, teacher, objective, **{"seed": 3, "fraction": 1.0, **settings})


def batches(of: Dataset) -> list[Batch]:
    return list(make_loader(of.train, 5, seed=0, train=True).epoch(0))


@pytest.mark.parametrize("form", ["joined", "apart"])
def test_the_student_learns_from_what_it_writes(tmp_path: Path, form: str) -> None:
    of = data(tmp_path, form)
    method, batch = made(of, form), batches(of)[0]
    method.train()
    own = method.written(batch)
    assert method.student.training
    again = method.written(batch)
    assert torch.equal(own.target, again.target)
    method.begin_epoch(1)
    assert not torch.equal(own.target, method.written(batch).target)
    method.begin_epoch(0)
    # A sample's text is its own, whoever else is in the batch.
    some = Batch({k: v[1:3] for k, v in batch.input.items()}, batch.target[1:3], batch.index[1:3])  # type: ignore[union-attr]
    few = method.written(some)
    for row, whole in zip(few.target, own.target[1:3], strict=True):
        assert row[row >= 0].tolist() == whole[whole >= 0].tolist()
    losses = method(batch)
    assert losses["ce"].item() == 0.0
    assert losses["jsd"].item() > 0.0
    sum(losses.values()).backward()  # type: ignore[union-attr]


def test_a_text_without_a_prompt_is_gone_on_with_from_its_half(tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text("it was a dark and stormy night, and so on. " * 20)
    of = lines(str(tmp_path / "story.txt"), length=16, vocabulary=257)
    method, batch = made(of), next(make_loader(of.train, 3, seed=0, train=False).epoch(0))
    own = method.written(batch)
    given: Any = batch.input
    written: Any = own.input
    assert torch.equal(written["input_ids"][:, :9], given["input_ids"][:, :9])
    assert (own.target[:, :8] == -1).all()
    assert (own.target[:, 8] >= 0).all()
    assert method(batch)["jsd"].item() > 0


def test_the_share_of_batches_is_the_fraction(tmp_path: Path) -> None:
    of = data(tmp_path)
    method, (batch, *_) = made(of, fraction=0.3), batches(of)
    method.written = lambda batch: batch  # type: ignore[method-assign]
    own = []
    for epoch in range(100):
        method.begin_epoch(epoch)
        own.append(method(batch)["ce"].item() == 0.0)
    assert 0.2 < sum(own) / 100 < 0.4
    assert made(of, fraction=0.0)(batch)["ce"].item() > 0.0


def test_what_it_is_not_for_is_told(tmp_path: Path) -> None:
    of = data(tmp_path)
    with pytest.raises(ValueError, match=r"fraction=1\.5: must lie"):
        made(of, fraction=1.5)
    with pytest.raises(ValueError, match="temperature=0: must be above 0"):
        made(of, temperature=0)
    with pytest.raises(ValueError, match="no term of the loss reads one"):
        OnPolicy(network(of), network(of), Objective({"ce": CE()}, {"ce": Weight(1.0)}), 0)
    with pytest.raises(ValueError, match="task=classification has no texts"):
        OnPolicy.suits(Classification(("a", "b")))
