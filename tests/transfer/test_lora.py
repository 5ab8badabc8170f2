"""Low-rank adapters: what learns, what stays, and that merged equals unmerged."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from kdrun.dataset.loader import make_loader
from kdrun.model.features import Network
from kdrun.task.classification import Classification
from kdrun.transfer.lora import LoRA
from kdrun.types import Batch
from tests.method.writers import data, network


def mlp() -> Network:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 3))
    return Network(net)


def step(student: Network, batch: Batch, task: Any) -> None:
    trained = [p for p in student.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        task.supervised(student(batch), batch).backward()
        optimizer.step()


@pytest.mark.parametrize("kind", ["mlp", "joined", "apart"])
def test_only_adapters_learn_and_merged_equals_unmerged(kind: str, tmp_path: Path) -> None:
    task: Any = Classification(("a", "b", "c"))
    strategy = LoRA(rank=2)
    if kind == "mlp":
        student = mlp()
        batch = Batch(torch.randn(4, 5), torch.tensor([0, 1, 2, 0]), torch.arange(4))
    else:
        of = data(tmp_path, kind)
        task, student = of.task, network(of, kind)
        batch = next(make_loader(of.train, 4, seed=0, train=False).epoch(0))
    strategy.task = task
    student.eval()
    before, names = student(batch).logits, set(student.state_dict())
    whole = copy.deepcopy(student.state_dict())
    strategy.check(student)
    student = strategy(student, None, None)  # type: ignore[arg-type]
    torch.testing.assert_close(student(batch).logits, before, rtol=1e-3, atol=1e-4)
    assert strategy.report["trained"] < strategy.report["numbers"]
    step(student, batch, task)
    changed = student(batch).logits
    assert not torch.allclose(changed, before, atol=1e-4)
    strategy.finish(student, None)  # type: ignore[arg-type]
    torch.testing.assert_close(student(batch).logits, changed, rtol=1e-3, atol=1e-4)
    assert set(student.state_dict()) == names
    for name, tensor in student.state_dict().items():
        moved = not torch.equal(tensor, whole[name])
        if moved and tensor.ndim == 2 and not name.startswith("net.4"):
            assert torch.linalg.matrix_rank((tensor - whole[name]).double(), tol=1e-5) <= 2
        elif moved:
            assert kind == "mlp"
            assert name.startswith("net.4")  # the classifier


def test_the_targets_are_chosen_by_the_ends_of_their_names(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    of = data(tmp_path)
    strategy = LoRA(targets=["c_attn"], train_head=False)
    strategy.task = of.task
    student = strategy(network(of), None, None)  # type: ignore[arg-type]
    learns = [name for name, p in student.named_parameters() if p.requires_grad]
    assert all(".c_attn." in name for name in learns)
    assert len(learns) == 2
    with pytest.raises(ValueError, match=r"transfer.targets=c_atn ends no name.*'c_attn'"):
        LoRA(targets=["c_atn"]).check(network(of))


def test_what_cannot_be_is_told() -> None:
    with pytest.raises(ValueError, match="rank=0"):
        LoRA(rank=0)
    with pytest.raises(ValueError, match="alpha=0"):
        LoRA(alpha=0)
    with pytest.raises(ValueError, match="no linear layer beside its classifier"):
        LoRA().check(Network(nn.Sequential(nn.Flatten(), nn.Linear(4, 3))))


def test_a_run_is_merged_in_its_file(kdrun) -> None:
    words = ("dataset.train_size=60", "student=mlp", "train.precision=fp32", "train.epochs=2")
    told = kdrun("method=supervised", *words, "name=first", "train.progress=false")
    assert told.status == 0, told.err
    (first,) = (path.parent for path in Path("outputs/first").glob("*/student.safetensors"))
    more = (
        "method=transfer",
        "transfer=lora",
        "train.progress=false",
        f"student.checkpoint={first}",
    )
    told = kdrun(*more, *words, "name=second")
    assert told.status == 0, told.err
    from kdrun.files.checkpoint import load_weights

    (second,) = (path.parent for path in Path("outputs/second").glob("*/student.safetensors"))
    assert load_weights(first).keys() == load_weights(second).keys()
    record = json.loads((second / "record.json").read_text())
    assert record["transfer"]["trained"] < record["transfer"]["numbers"]
