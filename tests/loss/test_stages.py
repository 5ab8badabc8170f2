from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from kdrun.loss.stages import (
    as_map,
    as_tokens,
    need_space,
    pair,
    pairs,
    regressor,
    same_shape,
    same_size,
)


def stages(count: int, *shape: int) -> tuple[Tensor, ...]:
    """Stages that carry their own number as every value."""
    return tuple(torch.full(shape, float(i)) for i in range(count))


@pytest.mark.parametrize(
    ("student", "teacher", "expected"),
    [
        (3, 3, [(0, 0), (1, 1), (2, 2)]),
        (3, 4, [(0, 1), (1, 2), (2, 3)]),  # as mdistiller aligns them
        (4, 12, [(0, 2), (1, 5), (2, 8), (3, 11)]),
        (5, 2, [(2, 0), (4, 1)]),
        (1, 7, [(0, 6)]),
    ],
)
def test_stages_are_paired_by_depth(
    student: int, teacher: int, expected: list[tuple[int, int]]
) -> None:
    found = pairs(stages(student, 2, 3, 4, 4), stages(teacher, 2, 5, 4, 4))
    assert [(s.mean().item(), t.mean().item()) for s, t in found] == expected


@given(st.integers(1, 30), st.integers(1, 30))
def test_pairs_rise_and_end_with_the_deepest(n_student: int, n_teacher: int) -> None:
    found = [
        (s.item(), t.item())
        for s, t in pairs(stages(n_student, 1, 1, 1, 1), stages(n_teacher, 1, 1, 1, 1))
    ]
    assert len(found) == min(n_student, n_teacher)
    assert found[-1] == (n_student - 1, n_teacher - 1)
    for side in (0, 1):
        places = [p[side] for p in found]
        assert places == sorted(set(places))


def test_a_pair_by_its_place() -> None:
    s, t = stages(3, 2, 3, 4, 4), stages(4, 2, 5, 4, 4)
    assert [x.mean().item() for x in pair(s, t, 0)] == [0, 1]
    assert [x.mean().item() for x in pair(s, t, -1)] == [2, 3]
    with pytest.raises(ValueError, match="stage 3 of 3"):
        pair(s, t, 3)


def test_the_teacher_is_cut_off_and_half_types_are_cast_up() -> None:
    s = torch.ones(2, 3, 4, 4, dtype=torch.bfloat16, requires_grad=True)
    t = torch.ones(2, 3, 4, 4, dtype=torch.float16, requires_grad=True)
    ((a, b),) = pairs([s], [t])
    assert a.dtype == b.dtype == torch.float32
    assert a.requires_grad
    assert not b.requires_grad


def test_tokens_become_maps_row_by_row() -> None:
    image = torch.randn(2, 5, 3, 3)
    tokens = image.flatten(2).transpose(1, 2)
    assert torch.equal(as_map(tokens), image)
    assert torch.equal(as_tokens(image), tokens)
    for extra in (1, 2, 5):  # class token; and a distillation token; and four registers
        extended = torch.cat([torch.full((2, extra, 5), 7.0), tokens], dim=1)
        assert torch.equal(as_map(extended), image)
        assert torch.equal(as_tokens(extended), extended)


def test_other_sequences_and_rows_have_no_square() -> None:
    assert as_map(torch.zeros(2, 8, 5)).shape == (2, 5, 8, 1)
    assert as_map(torch.zeros(2, 5)).shape == (2, 5, 1, 1)
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 5, 6\)"):
        as_map(torch.zeros(2, 3, 4, 5, 6))


def test_a_vit_meets_a_cnn_but_a_text_does_not() -> None:
    ((s, t),) = pairs([torch.zeros(2, 8, 6, 6)], [torch.zeros(2, 17, 5)])
    assert [tuple(x.shape) for x in same_size(s, t)] == [(2, 8, 4, 4), (2, 5, 4, 4)]
    ((s, t),) = pairs([torch.zeros(2, 8, 5)], [torch.zeros(2, 8, 9)])
    assert [tuple(x.shape) for x in same_size(s, t)] == [(2, 5, 8, 1), (2, 9, 8, 1)]
    with pytest.raises(ValueError, match=r"\(2, 8, 6, 6\).*\(2, 8, 5\).*no height and width"):
        pairs([torch.zeros(2, 8, 6, 6)], [torch.zeros(2, 8, 5)])


def test_faults_name_both_shapes() -> None:
    with pytest.raises(ValueError, match="student shows 0 stages and the teacher 1"):
        pairs([], [torch.zeros(2, 3, 4, 4)])
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 4\).*\(5, 3, 4, 4\).*not of one batch"):
        pairs([torch.zeros(2, 3, 4, 4)], [torch.zeros(5, 3, 4, 4)])
    with pytest.raises(ValueError, match=r"\(2, 3, 4, 4\).*\(2, 1, 4, 4\) differ"):
        same_shape(torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 4, 4))


def test_losses_over_space_need_some() -> None:
    rows, maps = [torch.zeros(2, 3, 1, 1)], [torch.zeros(2, 3, 4, 4)]
    need_space(maps, maps)
    need_space([*maps, *rows], [*maps, *rows])
    with pytest.raises(ValueError, match="single pixel"):
        need_space(maps, rows)


def test_sizes_shrink_side_by_side_by_averaging() -> None:
    s, t = torch.randn(2, 3, 8, 4), torch.randn(2, 5, 4, 6)
    a, b = same_size(s, t)
    assert a.shape == (2, 3, 4, 4)
    assert b.shape == (2, 5, 4, 4)
    blocks = [[s[:, :, 2 * i : 2 * i + 2, j].mean(2) for j in range(4)] for i in range(4)]
    expected = torch.stack([torch.stack(row, dim=2) for row in blocks], dim=2)
    assert torch.allclose(a, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("student", "teacher", "out"), [(8, 8, 8), (8, 4, 4), (4, 8, 8), (8, 3, 8), (3, 8, 3)]
)
def test_regressor_meets_width_and_halves_or_doubles(student: int, teacher: int, out: int) -> None:
    s, t = torch.randn(2, 3, student, student), torch.randn(2, 7, teacher, teacher)
    assert regressor(s, t)(s).shape == (2, 7, out, out)
