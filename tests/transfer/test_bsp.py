"""The spectral penalty against an eigenvalue."""

from __future__ import annotations

import numpy as np
import torch

from kdrun.transfer.bsp import BSP
from tests.transfer.domains import said, value


def test_it_is_the_largest_eigenvalue_of_both_gram_matrices() -> None:
    source, target = said(6), said(9, seed=1)
    expected = 0.0
    for side in (source, target):
        assert side.embedding is not None
        f = side.embedding.numpy()
        expected += np.linalg.eigvalsh(f.T @ f)[-1]
    np.testing.assert_allclose(value(BSP(), source, target).item(), expected, rtol=1e-9)


def test_only_the_largest_direction_shrinks() -> None:
    leaf = torch.diag(torch.tensor([3.0, 2.0, 1.0])).requires_grad_()
    side = said(3)._replace(embedding=leaf)
    value(BSP(), side, said(3)).backward()
    torch.testing.assert_close(leaf.grad, torch.diag(torch.tensor([6.0, 0.0, 0.0])))
