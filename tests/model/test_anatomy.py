"""What one forward pass tells: which activation ends a stage, and what is overwritten later."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kdrun.model.anatomy import Tap, examine, first


class Net(nn.Module):
    """A stage that ends in an activation, one that does not, one that is overwritten."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()
        self.plain = nn.Sequential(nn.Linear(3, 3), self.act)
        self.bare = nn.Linear(3, 3)
        self.inplace = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.9)
        self.never = nn.Sequential(nn.Linear(1, 1))
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inplace(self.bare(self.plain(x)))
        return self.fc(self.drop(x))


STAGES = ("plain", "bare", "never")


def test_a_stage_ends_in_the_activation_whose_output_is_its_own() -> None:
    net, x = Net(), torch.randn(2, 3)
    anatomy, output = examine(net, STAGES, "fc", lambda: net(x))
    assert anatomy.ends == {"plain": "act"}
    assert output.shape == (2, 2)
    assert not output.requires_grad


def test_only_what_is_changed_in_place_afterwards_is_overwritten() -> None:
    net = Net()
    anatomy, _ = examine(net, STAGES, "fc", lambda: net(torch.randn(2, 3)))
    changed = anatomy.overwritten
    assert changed["bare", "output"]
    assert not changed["plain", "output"]
    assert not changed["fc", "input"]
    assert ("never", "output") not in changed  # no tensor passed


@pytest.mark.parametrize("fails", [False, True])
def test_modes_hooks_and_numbers_stay_as_they_were(fails: bool) -> None:
    net = Net()
    net.plain.eval()
    before = {name: module.training for name, module in net.named_modules()}

    def run() -> Tensor:
        assert not any(module.training for module in net.modules())
        if fails:
            raise RuntimeError("no")
        return net(torch.randn(2, 3))

    if fails:
        with pytest.raises(RuntimeError, match="no"):
            examine(net, STAGES, None, run)
    else:
        examine(net, STAGES, None, run)
    assert {name: module.training for name, module in net.named_modules()} == before
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_it_can_be_looked_at_in_inference_mode() -> None:
    net, x = Net(), torch.randn(2, 3)
    with torch.inference_mode():
        anatomy, _ = examine(net, STAGES, "fc", lambda: net(x.clone()))
    assert anatomy.overwritten["bare", "output"]


def test_of_several_tensors_the_first_counts() -> None:
    x = torch.zeros(1)
    assert first((x, None)) is x
    assert first(x) is x
    assert first(()) is None
    assert first(({"a": x},)) is None


def test_a_tap_keeps_what_passes_a_copy_or_what_another_kept() -> None:
    seen: dict[tuple[str, str], Tensor] = {}
    x, y = torch.ones(2), torch.full((2,), 2.0)
    Tap(seen, ("a", "output"), copy=True)(nn.Identity(), (), (x, y))
    Tap(seen, ("b", "input"), item=1)(nn.Identity(), (x, y))
    Tap(seen, ("c", "output"), source=("a", "output"))(nn.Identity(), (), None)
    x += 5
    assert seen["a", "output"].tolist() == [1, 1]
    assert seen["b", "input"] is y
    assert seen["c", "output"] is seen["a", "output"]
