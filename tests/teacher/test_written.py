"""What a teacher writes for training prompts: once, in a file, and laid out as data are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.dataset.layout import completions
from kdrun.dataset.loader import make_loader
from kdrun.model import weights
from kdrun.task.decode import prompts
from kdrun.teacher.building import strangers
from kdrun.teacher.network import Frozen
from kdrun.teacher.written import FOLDER, rewritten
from kdrun.types import Arrays
from tests.method.writers import GPT2, data, network

pytest.importorskip("transformers")


@pytest.mark.parametrize("form", ["joined", "apart"])
def test_it_writes_once_and_prompts_stay(tmp_path: Path, form: str, monkeypatch: Any) -> None:
    of = data(tmp_path, form)
    split, teacher, task = of.train, Frozen(network(of, form)), of.task
    assert isinstance(split, Arrays)
    loader = make_loader(split, 4, seed=0, train=False)
    greedy = {"beams": 1, "temperature": 0.0}
    own = rewritten(split, loader, teacher, task, tmp_path, greedy)  # type: ignore[arg-type]
    before, after = (prompts(one.inputs, one.targets) for one in (split, own))  # type: ignore[arg-type]
    assert all(torch.equal(before[name], after[name]) for name in before)
    (file,) = (tmp_path / FOLDER).glob("*.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["tokens"] for row in rows] == list(completions(own.targets))
    assert [row["id"] for row in rows] == split.ids
    monkeypatch.setattr("kdrun.teacher.written.write", None)  # nobody writes again
    again = rewritten(split, loader, teacher, task, tmp_path, greedy)  # type: ignore[arg-type]
    assert torch.equal(own.targets, again.targets)

    searched = rewritten(split, loader, teacher, task, tmp_path, {"beams": 3, "temperature": 0.0})  # type: ignore[arg-type]
    better = [likelihood(teacher, part, of) for part in (own, searched)]
    assert better[1] >= better[0]
    assert len(list((tmp_path / FOLDER).glob("*.jsonl"))) == 2
    file.write_text(file.read_text()[:40])
    with pytest.raises(ValueError, match="damaged"):
        rewritten(split, loader, teacher, task, tmp_path, greedy)  # type: ignore[arg-type]


def likelihood(teacher: Frozen, split: Arrays, of: Any) -> float:
    """The mean over texts of what transformers' search looks for: the likelihood of a token."""
    (batch,) = make_loader(split, len(split), seed=0, train=False).epoch(0)
    logits = teacher(batch).logits
    target = batch.target[:, : logits.shape[1]]
    told = logits.log_softmax(2).gather(2, target.clamp(min=0)[..., None])[..., 0]
    counts = target >= 0
    return float(((told * counts).sum(1) / counts.sum(1)).mean())


def test_weights_of_other_tokens_are_told_before_training(tmp_path: Path) -> None:
    of, other = data(tmp_path), dict(data(tmp_path).reader or {})
    facts: Any = {"classes": [], "shape": of.shape}
    for name, reader in (("same", of.reader), ("other", {**other, "tokenizer": "{}"})):
        file = tmp_path / f"{name}.safetensors"
        weights.save(file, network(of), "tiny", GPT2, **facts, reader=reader)
        role = {"name": "tiny", "checkpoint": str(file)}
        told = list(strangers([("teacher", role)], of))
        assert [f"dataset.tokenizer={file}" in one for one in told] == [True] * (name == "other")


def test_a_teacher_that_writes_nothing_is_told(tmp_path: Path) -> None:
    of = data(tmp_path)
    teacher = Frozen(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="needs a teacher that writes"):
        rewritten(of.train, None, teacher, of.task, tmp_path, {"beams": 1})  # type: ignore[arg-type]
