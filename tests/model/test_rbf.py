from __future__ import annotations

import torch

from kdrun.model.rbf import RBF


def test_it_is_a_linear_layer_on_gaussian_kernels() -> None:
    net = RBF(3, 4, landmarks=5)
    x = torch.randn(6, 4)
    kernels = torch.empty(6, 5)
    for i in range(6):
        for j in range(5):
            distance = (x[i] - net.centres[j]).square().sum()
            kernels[i, j] = torch.exp(-net.log_gamma.exp() * distance)
    assert torch.allclose(net(x), net.head(kernels), atol=1e-5)


def test_images_are_flattened() -> None:
    assert RBF(3, 12, landmarks=2)(torch.randn(5, 3, 2, 2)).shape == (5, 3)
