from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from kdrun.loss.pca_hint import PCAHint
from kdrun.types import Batch, Outputs
from tests.loss.trial import CNN, Fixed, ViT, built, gradients_agree, learns, maps, said, value

Shape = tuple[int, ...]


class Still(nn.Module):
    """A teacher whose one stage is the input."""

    def forward(self, batch: Batch) -> Outputs:
        assert isinstance(batch.input, Tensor)
        return Outputs(batch.input.mean((2, 3)), features=(batch.input,))


def prepared(student: Tensor, teacher: Tensor, batches: int = 3) -> PCAHint:
    """The loss with the components of a teacher whose stage, over its split, is `teacher`."""
    parts = teacher.chunk(batches)
    loader = Fixed(
        [Batch(x, torch.zeros(len(x)), torch.arange(len(x))) for x in parts], torch.zeros(1)
    )
    loss = built(PCAHint(stage=-1), said([student]), said([teacher]))
    assert isinstance(loss, PCAHint)
    loss.prepare(Still(), loader)
    return loss


def correlated(shape: Shape, seed: int = 0) -> Tensor:
    """Channels that depend on one another, of different spread, far from zero."""
    x, mix = maps(shape, (shape[1], shape[1]), seed=seed)
    return torch.einsum("nchw,cd->ndhw", x, mix * torch.logspace(0, -1, shape[1])) + 50


@pytest.mark.parametrize(
    ("student", "teacher"),
    [((7, 2, 4, 4), (7, 5, 4, 4)), ((8, 3, 2, 2), (8, 3, 2, 2)), ((9, 6, 3, 1), (9, 4, 3, 1))],
)
def test_value_is_the_share_of_scikit_learns_components(student: Shape, teacher: Shape) -> None:
    (s,), t = maps(student, seed=3), correlated(teacher)
    loss = prepared(s, t)
    rows = np.array(
        [x[:, i, j].tolist() for x in t for i in range(t.shape[2]) for j in range(t.shape[3])]
    )
    ours = np.array(
        [x[:, i, j].tolist() for x in s for i in range(t.shape[2]) for j in range(t.shape[3])]
    )
    width = min(student[1], teacher[1])
    pca = PCA(width).fit(rows)
    scores = pca.transform(rows)
    signs = np.sign((loss.projection.numpy() * pca.components_.T).sum(0))
    wanted = scores * signs / np.sqrt(scores.var(0).mean())
    expected = ((ours[:, :width] - wanted) ** 2).mean()
    assert value(loss, [s], [t]).item() == pytest.approx(expected, rel=1e-9)


def test_nothing_said_is_one_and_the_projection_is_zero() -> None:
    (s,), t = maps((8, 3, 2, 2)), correlated((8, 5, 2, 2))
    loss = prepared(s, t)
    assert value(loss, [torch.zeros_like(s)], [t]).item() == pytest.approx(1)
    rows = t.transpose(0, 1).flatten(1).T
    projected = (rows - rows.mean(0)) @ loss.projection
    assert projected.var(0, correction=0).mean().item() == pytest.approx(1)
    perfect = projected.view(8, 2, 2, 3).permute(0, 3, 1, 2)
    assert value(loss, [perfect], [t]).item() == pytest.approx(0, abs=1e-12)
    scaled = prepared(s, 7 * t)
    assert value(scaled, [s], [7 * t]).item() == pytest.approx(value(loss, [s], [t]).item())


def test_no_projection_to_that_width_loses_less() -> None:
    (s,), t = maps((8, 2, 2, 2)), correlated((8, 6, 2, 2))
    loss = prepared(s, t)
    rows = (t - t.mean((0, 2, 3), keepdim=True)).transpose(0, 1).flatten(1).T
    kept = ((rows @ torch.linalg.qr(loss.projection).Q) ** 2).sum()
    for seed in range(20):
        other = torch.linalg.qr(maps((6, 2), seed=seed)[0]).Q
        assert ((rows @ other) ** 2).sum() < kept


def test_statistics_are_those_of_the_averaged_map() -> None:
    (s,), t = maps((8, 2, 2, 2)), correlated((8, 5, 4, 4))
    small = nn.functional.avg_pool2d(t, 2)
    pooled, direct = prepared(s, t), prepared(s, small)
    assert torch.allclose(pooled.projection, direct.projection)
    assert torch.allclose(value(pooled, [s], [t]), value(direct, [s], [small]))


def test_nothing_is_trained_and_everything_is_kept() -> None:
    loss = prepared(maps((8, 2, 2, 2))[0], correlated((8, 5, 2, 2)))
    assert not list(loss.parameters())
    assert set(loss.state_dict()) == {"mean", "projection"}


def test_gradients() -> None:
    (s,), t = maps((4, 2, 2, 2)), correlated((4, 5, 4, 4))
    assert gradients_agree(prepared(s, t), [s], [t])


def test_shapes_that_do_not_fit_are_refused() -> None:
    s, t = maps((4, 2, 2, 2)), maps((4, 5, 2, 2), seed=1)
    loss = built(PCAHint(stage=-1), said(s), said(t))
    with pytest.raises(ValueError, match=r"\(4, 2, 2, 2\).*\(4, 1, 2, 2\) do not fit 2 components"):
        value(loss, s, [t[0][:, :1]])


def test_a_constant_teacher_is_refused() -> None:
    (s,), t = maps((4, 2, 2, 2)), torch.ones(4, 3, 2, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match="the same of every sample"):
        prepared(s, t)


def test_a_student_learns() -> None:
    assert learns(PCAHint(stage=-1), CNN(4, 6), CNN(8, 12, 16)) < 0.8
    assert learns(PCAHint(stage=-1), ViT(8, 2), CNN(8, 12, 16), steps=60) < 0.8
    assert learns(PCAHint(stage=0), CNN(4, 6), ViT(8, 4)) < 0.8
