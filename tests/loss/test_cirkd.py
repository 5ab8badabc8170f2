from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from kdrun.loss.cirkd import CIRKD
from tests.loss import decisions as d
from tests.loss import maps as m
from tests.loss.test_pairwise import cosine

Y = m.labels(2, 4, 4)


def pixels(x: torch.Tensor) -> list[list[float]]:
    return [x[:, i, j].tolist() for i in range(x.shape[1]) for j in range(x.shape[2])]


def within(s: torch.Tensor, t: torch.Tensor, temperature: float) -> float:
    values = []
    for a in range(len(s)):
        for b in range(len(s)):
            rows = []
            for i in range(s[0, 0].numel()):
                p, q = (
                    d.softmax([cosine(pixels(x[a])[i], k) for k in pixels(x[b])], temperature)
                    for x in (t, s)
                )
                rows.append(d.kl(p, q))
            values.append(d.mean(rows))
    return d.mean(values)


def to_memory(loss: CIRKD, s: torch.Tensor, t: torch.Tensor, y: torch.Tensor, name: str) -> float:
    """All of a memory is drawn, in some order."""
    keys = getattr(loss, f"{name}_memory").flatten(0, 1).tolist()
    pooled = [F.avg_pool2d(x, 2, ceil_mode=True) for x in (s, t)]
    ours, theirs = loss.project(pooled[0]), pooled[1]
    target = y[:, ::2, ::2]
    rows = []
    for n in range(len(s)):
        labels = target[n].flatten().tolist()
        for i, label in enumerate(labels):
            if label >= 0:
                q, p = (
                    d.softmax([cosine(pixels(x[n])[i], k) for k in keys], loss.contrast)
                    for x in (ours, theirs)
                )
                rows.append(d.kl(p, q))
    return d.mean(rows)


def trial(**settings: float) -> tuple[CIRKD, torch.Tensor, torch.Tensor]:
    s, t = m.maps(2, 3, 4, 4), m.maps(2, 5, 4, 4, seed=1)
    sizes = {"pixels": 4, "regions": 3, "drawn_pixels": 4, "drawn_regions": 3, "fresh": 2}
    torch.manual_seed(0)
    loss = m.made(CIRKD(**sizes | settings), s, t, Y)  # type: ignore[arg-type]
    assert isinstance(loss, CIRKD)
    return loss.eval(), s, t


def test_value_and_gradient() -> None:
    loss, s, t = trial(pixel=0.3, region=0.7)
    slow = within(s, t, 1.0)
    slow += 0.3 * to_memory(loss, s, t, Y, "pixel") + 0.7 * to_memory(loss, s, t, Y, "region")
    assert m.value(loss, s, t, Y).item() == pytest.approx(slow)
    assert m.gradients_agree(loss, s, t, Y)


def test_the_batch_alone() -> None:
    loss, s, t = trial(pixel=0.0, region=0.0, temperature=0.2)
    assert m.value(loss, s, t, Y).item() == pytest.approx(within(s, t, 0.2))


def test_the_memory_is_the_teachers_and_is_written_after_the_step() -> None:
    loss, s, t = trial()
    before = loss.pixel_memory.clone()
    m.value(loss.train(), s, t, Y)
    assert torch.equal(loss.pixel_memory, before)
    loss.remember()
    pooled = F.normalize(F.avg_pool2d(t, 2, ceil_mode=True), dim=1)
    for label in range(3):
        own = [
            pooled[n, :, i, j]
            for n in range(2)
            for i in range(2)
            for j in range(2)
            if Y[n, 2 * i, 2 * j] == label
        ]
        written = (loss.pixel_memory[label] != before[label]).any(1)
        assert int(written.sum()) == min(len(own), 4)
        for row in loss.pixel_memory[label][written]:
            assert any(torch.allclose(row, pixel) for pixel in own)
    state = loss.state_dict()
    assert {"pixel_memory", "region_memory", "next_pixel", "next_region"} <= state.keys()


def test_labels_of_samples_are_refused() -> None:
    s = m.maps(2, 3, 4, 4)
    with pytest.raises(ValueError, match=r"not \(N, H, W\)"):
        m.made(CIRKD(), s, s, torch.zeros(2).long())
