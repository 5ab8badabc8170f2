"""A network that only answers, and what it says of itself for the teacher that it holds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import nn

from kdrun.dataset.loader import make_loader
from kdrun.teacher.base import Teacher
from kdrun.teacher.network import Frozen
from kdrun.types import Arrays, Batch, Outputs


class Net(nn.Module):
    """Normalises by the batch if one lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.layer, self.drop = nn.BatchNorm1d(2), nn.Linear(2, 3), nn.Dropout(0.9)

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(self.drop(self.layer(self.norm(batch.input))))


class Recording(Teacher):
    """Has answers for the training and the test split alone."""

    def __init__(self, split: str = "train") -> None:
        super().__init__()
        self.split, self.fields = split, ["unasked"]

    @property
    def live(self) -> bool:
        return False

    @property
    def size(self) -> int | None:
        return 7

    def keep(self, fields: Iterable[str]) -> None:
        self.fields = [*fields]

    def on(self, split: str) -> Teacher | None:
        return {"train": self, "test": Recording("test")}.get(split)

    def facts(self) -> dict[str, float]:
        return {"alpha_a": 0.5}


def batch(x: torch.Tensor) -> Batch:
    return Batch(x, torch.zeros(len(x)), torch.arange(len(x)))


def test_it_answers_alike_and_is_never_moved() -> None:
    torch.manual_seed(0)
    network = Net()
    frozen = Frozen(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x = torch.randn(8, 2, requires_grad=True)
    frozen.train()
    said = [frozen(batch(x)).logits for _ in range(2)]
    assert torch.equal(*said)
    assert not said[0].requires_grad
    assert not any(p.requires_grad for p in frozen.parameters())
    assert not any(module.training for module in frozen.modules())
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_plain_module_is_live_and_the_same_on_every_split() -> None:
    frozen = Frozen(Net())
    assert frozen.live
    assert frozen.size == 2 * 2 + 2 * 3 + 3
    assert frozen.on("val") is frozen
    assert frozen.facts() == {}
    frozen.keep(["features"])  # it has nothing to choose


def test_it_speaks_for_the_teacher_that_it_holds() -> None:
    own = Recording()
    frozen = Frozen(own)
    assert not frozen.live
    assert frozen.size == 7
    assert frozen.facts() == {"alpha_a": 0.5}
    frozen.keep(["features"])
    assert own.fields == ["features"]


@pytest.mark.parametrize(("split", "there"), [("train", True), ("test", True), ("val", False)])
def test_on_another_split_it_is_what_its_teacher_is_there(split: str, there: bool) -> None:
    frozen = Frozen(Recording())
    other = frozen.on(split)
    assert (other is not None) is there
    assert (other is frozen) is (split == "train")
    if other is not None:
        assert isinstance(other, Frozen)
        assert isinstance(other.network, Recording)
        assert other.network.split == split


def test_it_is_timed_on_logits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    own, asked = Recording(), []

    def latency(model: nn.Module, *given: object) -> str:
        asked.append((own.fields, *given))
        return "quick"

    monkeypatch.setattr("kdrun.teacher.network.latency", latency)
    assert Frozen(own).timed((2,), torch.device("cpu"), None) == "quick"
    assert asked == [([], (2,), 1, torch.device("cpu"), None)]


def test_its_example_is_the_first_batch() -> None:
    frozen = Frozen(Net())
    x = torch.randn(5, 2)
    loader = make_loader(Arrays(x, torch.zeros(5).long()), 3, seed=0, train=False)
    assert torch.equal(frozen.example(loader).logits, frozen(batch(x[:3])).logits)
