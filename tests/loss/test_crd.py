from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss import crd
from kdrun.loss.crd import CRD
from kdrun.types import Batch, Outputs

TARGETS = torch.tensor([2, 0, 1, 0, 2, 1, 0, 2, 1, 0])


def out(x: Tensor) -> Outputs:
    return Outputs(logits=torch.zeros(len(x), 3), embedding=x)


def batch(*index: int) -> Batch:
    places = torch.tensor(index)
    return Batch(torch.zeros(len(index), 1), TARGETS[places], places)


def built(width: int = 4, negatives: int = 6, d_s: int = 3, d_t: int = 5) -> CRD:
    loss = CRD(width=width, negatives=negatives)
    loss.build(out(torch.ones(2, d_s)), out(torch.ones(2, d_t)), TARGETS)
    return loss.double()


def embeddings(n: int, d_s: int = 3, d_t: int = 5) -> tuple[Tensor, Tensor]:
    return torch.randn(n, d_s, dtype=torch.double), torch.randn(n, d_t, dtype=torch.double)


def on_sphere(layer: torch.nn.Linear, x: Tensor) -> list[list[float]]:
    projected = []
    for row in x.tolist():
        y = [
            sum(w * v for w, v in zip(weights, row, strict=True)) + b
            for weights, b in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
        ]
        projected.append([v / math.hypot(*y) for v in y])
    return projected


def slow(
    anchors: list[list[float]], memory: list[list[float]], places: list[list[int]], scale: float
) -> tuple[float, float]:
    """One direction, and its Z (`scale` if that is set already)."""
    scores = [
        [math.exp(sum(p * q for p, q in zip(e, memory[k], strict=True)) / 0.07) for k in places[i]]
        for i, e in enumerate(anchors)
    ]
    count = sum(len(row) for row in scores)
    z = scale or sum(sum(row) for row in scores) / count * len(memory)
    noise = (len(places[0]) - 1) / len(memory)
    total = 0.0
    for positive, *negatives in scores:
        h = positive / z / (positive / z + noise + 1e-7)
        total -= math.log(h)
        for score in negatives:
            total -= math.log(noise / (score / z + noise + 1e-7))
    return total / len(anchors), z


@pytest.mark.parametrize(("width", "negatives"), [(4, 6), (2, 1), (3, 40)])
def test_value_of_the_first_batch_and_of_the_next(width: int, negatives: int) -> None:
    loss = built(width, negatives)
    scale_t = scale_s = 0.0
    for step, index in enumerate([(0, 3, 8), (5, 1, 0)]):
        s, t = embeddings(3)
        memory_s, memory_t = loss.memory_s.tolist(), loss.memory_t.tolist()
        torch.manual_seed(step)
        others = loss._other_classes(torch.tensor(index)).tolist()
        places = [[i, *row] for i, row in zip(index, others, strict=True)]
        one, scale_t = slow(on_sphere(loss.student, s), memory_t, places, scale_t)
        two, scale_s = slow(on_sphere(loss.teacher, t), memory_s, places, scale_s)
        torch.manual_seed(step)
        found = loss(out(s), out(t), batch(*index))
        loss.remember()
        assert found.item() == pytest.approx(one + two, rel=1e-6)


def test_negatives_are_uniform_over_the_other_classes() -> None:
    loss = built(negatives=20_000)
    places = loss._other_classes(torch.arange(len(TARGETS)))
    for i, drawn in enumerate(places):
        allowed = [k for k in range(len(TARGETS)) if TARGETS[k] != TARGETS[i]]
        count = drawn.bincount(minlength=len(TARGETS))
        assert count[allowed].sum() == 20_000  # none of the sample's own class
        expected = 20_000 / len(allowed)
        assert (count[allowed] - expected).abs().max() < 5 * expected**0.5


def test_the_memory_moves_half_way_and_stays_on_the_sphere() -> None:
    loss = built()
    s, t = embeddings(2)
    before = loss.memory_s.clone()
    new = torch.tensor(on_sphere(loss.student, s), dtype=torch.double)
    loss(out(s), out(t), batch(7, 4))
    assert loss.memory_s.equal(before)  # the backward pass has still to read it
    loss.remember()
    mixed = 0.5 * before[[7, 4]] + 0.5 * new
    torch.testing.assert_close(loss.memory_s[[7, 4]], mixed / mixed.norm(dim=1, keepdim=True))
    rest = [0, 1, 2, 3, 5, 6, 8, 9]
    assert loss.memory_s[rest].equal(before[rest])


def test_evaluation_remembers_nothing() -> None:
    loss = built().eval()
    before = {name: value.clone() for name, value in loss.state_dict().items()}
    s, t = embeddings(2)
    loss(out(s), out(t), batch(1, 2))
    loss.remember()
    assert all(value.equal(before[name]) for name, value in loss.state_dict().items())


def test_gradient() -> None:
    loss = built()
    s, t = embeddings(2)
    loss(out(s), out(t), batch(1, 2))  # sets Z, which is a constant to the gradient
    loss.eval()
    s.requires_grad_()

    def term(x: Tensor, *_: Tensor) -> Tensor:
        torch.manual_seed(0)
        result: Tensor = loss(out(x), out(t), batch(1, 2))
        return result

    assert torch.autograd.gradcheck(term, (s, *loss.parameters()))


def test_training_reaches_both_projections_and_lowers_the_loss() -> None:
    loss = built(width=8, negatives=32, d_s=6, d_t=6)
    t = torch.randn(10, 6, dtype=torch.double)
    s = torch.nn.Parameter(torch.randn(10, 6, dtype=torch.double))
    optimizer = torch.optim.Adam([s, *loss.parameters()], lr=0.05)
    history = []
    for _ in range(60):
        value = loss(out(s), out(t), batch(*range(10)))
        optimizer.zero_grad()
        value.backward()
        loss.remember()
        optimizer.step()
        history.append(value.item())
    assert history[-1] < 0.5 * history[0]
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in loss.parameters())


def test_two_and_two_resumed_equal_four_bit_for_bit() -> None:
    loss = built()
    steps = [(embeddings(3), index) for index in [(0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 0, 4)]]

    def run(loss: CRD, first: int, last: int) -> list[float]:
        torch.manual_seed(first)  # as the loop seeds each epoch
        pairs = steps[first:last]
        values = []
        for (s, t), index in pairs:
            values.append(loss(out(s), out(t), batch(*index)).item())
            loss.remember()
        return values

    begin = {name: value.clone() for name, value in loss.state_dict().items()}
    run(loss, 0, 2)
    state = {name: value.clone() for name, value in loss.state_dict().items()}
    straight = run(loss, 2, 4)

    resumed = built()  # other random memories, until the state replaces them
    assert not resumed.memory_s.equal(begin["memory_s"])
    resumed.load_state_dict(state)
    assert run(resumed, 2, 4) == straight
    assert all(value.equal(loss.state_dict()[name]) for name, value in resumed.state_dict().items())


def test_both_ways_to_the_products_agree() -> None:
    anchor, memory = torch.randn(3, 4), torch.randn(50, 4)
    places = torch.randint(50, (3, 20))
    by_product = crd._products(anchor, memory, places)
    by_row = torch.cat([crd._products(anchor, memory, p[:, None]) for p in places.T], dim=1)
    torch.testing.assert_close(by_product, by_row)


@pytest.mark.parametrize(
    ("targets", "reason"),
    [(torch.tensor([0.5, 1.5]), "regression has none"), (torch.tensor([3, 3]), "fewer than two")],
)
def test_without_other_classes_it_is_undefined(targets: Tensor, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        CRD().build(out(torch.ones(2, 3)), out(torch.ones(2, 3)), targets)


def test_an_unlabelled_sample_is_nobodys_negative_and_has_no_loss() -> None:
    targets = TARGETS.clone()
    targets[[3, 8]] = -1
    loss = CRD(width=4, negatives=200)
    loss.build(out(torch.ones(2, 3)), out(torch.ones(2, 5)), targets)
    loss = loss.double()
    others = loss._other_classes(torch.tensor([0, 2, 4]))
    assert not set(others.flatten().tolist()) & {3, 8}
    for own, drawn in zip([0, 2, 4], others.tolist(), strict=True):
        assert targets[own] not in targets[drawn]
    s, t = embeddings(3)
    memory_s, memory_t = loss.memory_s.tolist(), loss.memory_t.tolist()
    torch.manual_seed(0)
    drawn = loss._other_classes(torch.tensor([0, 3, 4])).tolist()
    places = [[0, *drawn[0]], [4, *drawn[2]]]
    kept = torch.tensor([0, 2])
    one, _ = slow(on_sphere(loss.student, s[kept]), memory_t, places, 0.0)
    two, _ = slow(on_sphere(loss.teacher, t[kept]), memory_s, places, 0.0)
    torch.manual_seed(0)
    s.requires_grad_()
    found = loss(out(s), out(t), batch(0, 3, 4))
    found.backward()
    assert found.item() == pytest.approx(one + two, rel=1e-6)
    assert s.grad is not None
    assert not s.grad[1].any()


def test_a_batch_without_a_label_costs_nothing() -> None:
    loss = CRD(width=4, negatives=6)
    targets = torch.tensor([0, 1, -1, -1])
    loss.build(out(torch.ones(2, 3)), out(torch.ones(2, 5)), targets)
    s = torch.randn(2, 3, requires_grad=True)
    found = loss(out(s), out(torch.randn(2, 5)), Batch(s, targets[2:], torch.tensor([2, 3])))
    found.backward()
    assert found.item() == 0
    assert torch.equal(s.grad, torch.zeros(2, 3))  # type: ignore[arg-type]
    assert loss.scale_s == 0  # the first batch with a label sets it
