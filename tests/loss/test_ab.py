from __future__ import annotations

import pytest
import torch

from kdrun.loss.ab import AB
from tests.loss.trial import CNN, ViT, built, gradients_agree, learns, maps, said, value

Shapes = list[tuple[int, ...]]


@pytest.mark.parametrize(("margin", "scale"), [(1.0, 0.003), (0.5, 1.0)])
@pytest.mark.parametrize("shapes", [[(3, 2, 4, 4)], [(2, 3, 4, 4), (2, 4, 2, 2), (2, 5, 1, 1)]])
def test_value_is_the_definition(shapes: Shapes, margin: float, scale: float) -> None:
    s, t = maps(*shapes), maps(*shapes, seed=1)
    expected = 0.0
    for place, (a, b) in enumerate(zip(s, t, strict=True), 1):
        stage = 0.0
        for x, y in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True):
            if x > -margin and y <= 0:
                stage += (x + margin) ** 2
            if x <= margin and y > 0:
                stage += (x - margin) ** 2
        expected += 2.0 ** (place - len(shapes)) * stage / len(a)
    loss = built(AB(margin, scale), said(s), said(t))
    assert value(loss, s, t).item() == pytest.approx(scale * expected, rel=1e-10)


def test_it_is_zero_where_every_neuron_stands_beyond_the_margin() -> None:
    (t,) = maps((2, 3, 4, 4))
    loss = built(AB(), said([t]), said([t]))
    assert value(loss, [torch.where(t > 0, 1.1, -1.1).double()], [t]) == 0
    assert value(loss, [t], [t]) > 0  # the teacher itself stands within it


def test_only_shapes_that_differ_get_a_connector() -> None:
    s = maps((2, 3, 8, 8), (2, 4, 4, 4), (2, 4, 2, 2))
    t = maps((2, 3, 8, 8), (2, 5, 4, 4), (2, 4, 1, 1), seed=1)
    loss = built(AB(), said(s), said(t))
    assert isinstance(loss, AB)
    sizes = [sum(p.numel() for p in c.parameters()) for c in loss.connectors]
    assert sizes == [0, 4 * 5 + 3 * 5, 4 * 4 * 9 + 3 * 4]
    assert torch.isfinite(value(loss, s, t))


def test_gradients() -> None:
    s, t = maps((2, 2, 2, 2), (2, 3, 2, 2)), maps((2, 2, 2, 2), (2, 4, 2, 2), seed=1)
    assert gradients_agree(built(AB(scale=1), said(s), said(t)), s, t)


def test_preactivations_are_what_is_read() -> None:
    s, t = said(maps((2, 3, 4, 4))), said(maps((2, 3, 4, 4), seed=1))
    loss = built(AB(), s, t)
    assert AB.needs == ("preactivations",)
    blind = [x._replace(features=()) for x in (s, t)]
    assert loss(*blind, None) == loss(s, t, None)


def test_shapes_that_changed_since_build_are_refused() -> None:
    s, t = maps((2, 3, 4, 4)), maps((2, 3, 4, 4), seed=1)
    loss = built(AB(), said(s), said(t))
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 4\) and teacher features \(2, 1, 4, 4\)"):
        value(loss, s, [t[0][:, :1]])


def test_a_student_learns() -> None:
    torch.manual_seed(0)
    assert learns(AB(), CNN(4, 6), CNN(8, 12, 16)) < 0.9
    assert learns(AB(), ViT(8, 2), CNN(8, 12, 16)) < 0.9
    assert learns(AB(), CNN(4, 6), ViT(8, 4)) < 0.9
