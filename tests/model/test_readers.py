"""Readers: what each field of `Outputs` is, read by hooks that leave nothing behind."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kdrun.batch import Batch, Outputs
from kdrun.model.features import Network
from kdrun.model.readers import READERS


class Twice(nn.Module):
    """A stage whose activation is called again behind it, and is overwritten in place."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3, padding=1)
        self.act = nn.ReLU(inplace=True)
        self.stage = nn.Sequential(self.first, self.act)
        self.second = nn.Conv2d(2, 2, 3, padding=1)
        self.fc = nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        behind = self.act(self.second(self.stage(x)))
        return self.fc(behind.add_(1).mean((2, 3)))


def batch(n: int = 3) -> Batch:
    torch.manual_seed(1)
    return Batch(torch.randn(n, 1, 4, 4), torch.zeros(n, dtype=torch.long), torch.arange(n))


def test_readers_read_fields_of_outputs() -> None:
    assert set(READERS) <= set(Outputs._fields)


def test_each_field_is_what_a_plain_computation_gives() -> None:
    torch.manual_seed(0)
    net = Twice().eval()
    network = Network(net, stages=["stage"], head="fc")
    network.keep(["features", "preactivations", "embedding"])
    said, x = network(batch()), batch().input
    assert isinstance(x, Tensor)
    before = net.first(x)
    behind = net.second(before.relu()).relu() + 1
    assert torch.equal(said.preactivations[0], before)
    assert torch.equal(said.features[0], before.relu())
    assert said.embedding is not None
    assert torch.equal(said.embedding, behind.mean((2, 3)))
    assert torch.equal(said.logits, net(x))


def test_nothing_is_left_when_nothing_is_kept() -> None:
    net = Twice()
    network = Network(net, stages=["stage"], head="fc")
    network.keep(["features", "preactivations"])
    network(batch())
    assert any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    network.keep([])
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert network(batch()).features == ()


def test_one_tap_serves_all_fields_that_pass_there() -> None:
    net = Twice()
    network = Network(net, stages=["stage"], head="fc")
    network.keep(["features", "tokens"])
    network(batch())
    assert len(net.stage._forward_hooks) == 1


@pytest.mark.parametrize(
    ("fields", "stages", "message"),
    [
        (["features"], [], "has no stages to read"),
        (["attentions"], ["stage"], "no attention to read in stage 'stage'"),
        (["colour"], ["stage"], "Outputs have no 'colour'"),
    ],
)
def test_what_cannot_be_read_is_told(fields: list[str], stages: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Network(Twice(), stages=stages, head="fc").keep(fields)


def test_a_refused_field_leaves_what_was_kept_before() -> None:
    network = Network(Twice(), stages=["stage"], head="fc")
    network.keep(["features"])
    with pytest.raises(ValueError, match="attention"):
        network.keep(["attentions"])
    assert len(network(batch()).features) == 1


def test_a_network_without_a_classifier_is_told_so() -> None:
    with pytest.raises(ValueError, match="which module classifies"):
        Network(nn.Conv2d(1, 1, 1)).keep(["embedding"])
