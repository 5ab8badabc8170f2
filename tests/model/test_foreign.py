"""A network's tensors in anybody's file: found by their names, whatever is around them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kdrun.files.archive import Archive
from kdrun.model import foreign
from kdrun.model.foreign import State, find, flatten, is_averaged


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        self.fc = nn.Linear(2, 4)


def state(value: float = 1.0) -> State:
    return {name: torch.full_like(t, value) for name, t in Net().state_dict().items()}


def under(place: str, value: float = 1.0) -> State:
    return {f"{place}.{name}": tensor for name, tensor in state(value).items()}


def flat(**tree: Any) -> State:
    return flatten(Archive(tree, {}))


def taken(tensors: State, which: str | None = None, head: str | None = None) -> float:
    """The value that fills the tensors which were found."""
    (value,) = {float(t.flatten()[0]) for t in find(tensors, Net(), which, head).weights.values()}
    return value


def test_names_are_joined_and_what_torch_puts_between_is_left_out() -> None:
    x = torch.zeros(1)
    tree = {"state_dict": {"_orig_mod.a.weight": x, "b": {"_fsdp_wrapped_module": {"c": x}}}}
    assert list(flat(**tree, epoch=3, none=None)) == ["state_dict.a.weight", "state_dict.b.c"]


def test_a_tree_that_holds_itself_or_too_much_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    tree: dict[str, Any] = {"a": torch.zeros(1)}
    tree["self"] = tree
    assert list(flat(x=tree)) == ["x.a"]
    wide = {str(n): torch.zeros(1) for n in range(4)}
    monkeypatch.setattr(foreign, "MOST", 20)
    with pytest.raises(ValueError, match="more than 20 names, and no network has so many"):
        flat(**{str(n): wide for n in range(9)})


@pytest.mark.parametrize(
    ("place", "averaged"),
    [
        *[("ema", True), ("model_ema", True), ("state_dict_ema.module", True), ("modelEMA", True)],
        *[("swaModel", True), ("x.shadow", True), ("schema", False), ("emanuel", False)],
        ("average_pool", True),
        ("", False),
    ],
)
def test_a_place_says_by_a_word_that_its_weights_are_a_mean(place: str, averaged: bool) -> None:
    assert is_averaged(place) is averaged


@pytest.mark.parametrize("place", ["", "module", "a.b.c.net"])
def test_the_place_may_be_anything(place: str) -> None:
    tensors = under(place) if place else state()
    found = find(tensors, Net(), None, None)
    assert found.weights.keys() == state().keys()
    assert found.told == []


def test_of_two_networks_the_averaged_or_the_student_or_the_named_one_counts() -> None:
    raw_and_mean = under("model", 1) | under("ema", 2)
    assert [taken(raw_and_mean, which) for which in (None, "raw", "ema", "model")] == [2, 1, 2, 1]
    assert taken(under("student", 1) | under("teacher", 2)) == 1
    assert taken(under("student", 1) | under("teacher", 2), "teacher") == 2
    for which, told in (
        (None, "several networks of these names, 'a', 'b': say which, by weights=NAME"),
        ("ema", "it holds no averaged weights; it has 'a', 'b'"),
        ("c", "it holds no weights under 'c'; it has 'a', 'b'"),
    ):
        with pytest.raises(ValueError, match=told):
            taken(under("a") | under("b"), which)


def test_a_mean_may_stand_within_the_network_that_it_is_of() -> None:
    both = state() | under("ema", 2)
    assert [taken(both, which) for which in (None, "raw", "ema")] == [2, 1, 2]
    parameters = {f"ema.{name}" for name, _ in Net().named_parameters()}
    partial = state() | {k: v for k, v in under("ema", 2).items() if k in parameters}
    found = find(partial, Net(), None, None)
    assert float(found.weights["fc.bias"][0]) == 2
    assert float(found.weights["body.1.running_mean"][0]) == 1
    with pytest.raises(ValueError, match=r"unknown to Net, such as more\.weight"):
        find(partial | {"more.weight": torch.ones(1)}, Net(), None, None)


def test_a_mean_of_parameters_has_the_statistics_beside_it() -> None:
    parameters = {name for name, _ in Net().named_parameters()}
    mean = {k: v for k, v in under("ema", 2).items() if k.removeprefix("ema.") in parameters}
    found = find(under("net") | mean, Net(), None, None)
    values = {name: float(tensor.flatten()[0]) for name, tensor in found.weights.items()}
    assert {values[name] for name in parameters} == {2}
    assert values["body.1.running_mean"] == 1
    assert found.told == ["the averaged weights under 'ema' are taken, not those under 'net'"]


def test_another_network_is_refused_by_what_it_lacks_or_has() -> None:
    lacking = {name: t for name, t in state().items() if not name.startswith("body.0")}
    for tensors, told in (
        (lacking, r"of Net's 8 tensors 6 are there; 2 missing, such as body\.0\.bias, body\.0\.w"),
        (state() | {"body.2.weight": torch.zeros(1)}, r"1 tensors .*such as body\.2\.weight"),
        ({"x": torch.zeros(1)}, r"none of its 1 tensors \(x, \.\.\.\) has a name of Net's"),
        ({}, "it holds no tensors at all"),
    ):
        with pytest.raises(ValueError, match=told):
            find(tensors, Net(), None, None)
    uncounted = {k: v for k, v in state().items() if not k.endswith("tracked")}
    assert taken(uncounted | {"total_ops": torch.zeros(1)}) == 1


def test_without_its_head_a_backbone_is_enough_and_another_head_is_no_other_network() -> None:
    backbone = {name: t for name, t in state().items() if not name.startswith("fc.")}
    found = find(backbone | {"classifier.weight": torch.zeros(9)}, Net(), None, "fc")
    assert found.weights.keys() == backbone.keys()
    assert find(state(), Net(), None, "fc").weights.keys() == backbone.keys()
    with pytest.raises(ValueError, match="2 missing, such as fc"):
        find(backbone, Net(), None, None)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.to(torch.int8), "fc.bias is int8: a quantised network"),
        (lambda t: t * float("inf"), "fc.bias holds numbers that are not finite"),
    ],
)
def test_numbers_that_are_no_weights_are_refused(change: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        find(state() | {"fc.bias": change(torch.ones(4))}, Net(), None, None)


def test_half_precision_becomes_the_networks_own() -> None:
    halves: dict[str, Tensor] = {
        name: t.half() if t.is_floating_point() else t for name, t in state().items()
    }
    found = find(halves, Net(), None, None)
    assert {t.dtype for t in found.weights.values()} == {torch.float32, torch.int64}
    assert found.told == ["float16 was made float32"]
