from __future__ import annotations

import numpy as np
import torch

from kdrun.results.sheet import drawn


def test_each_picture_stands_in_its_row_and_column() -> None:
    cells = [
        [(torch.full((96, 96, 3), 10 * r + c, dtype=torch.uint8), "") for c in range(3)]
        for r in range(2)
    ]
    page = np.asarray(drawn(["a", "b", "c"], cells))
    for row in range(2):
        for column in range(3):
            left, top = 6 + column * (96 + 6), 14 + 6 + row * (96 + 14 + 6)
            assert (page[top : top + 96, left : left + 96] == 10 * row + column).all()


def test_a_long_name_is_cut_and_a_large_picture_made_small() -> None:
    picture = torch.zeros(500, 250, 3, dtype=torch.uint8)
    page = drawn(["a name that is far longer than the picture is wide"], [[(picture, "ж" * 99)]])
    assert page.size == (112 + 2 * 6, 224 + 2 * 14 + 2 * 6)
