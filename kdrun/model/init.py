"""Initial weights, as the CIFAR networks' authors draw them."""

from __future__ import annotations

from torch import nn


def he_normal(net: nn.Module) -> None:
    """Draw every convolution's weights from N(0, 2 / fan_out) and set its bias to zero.

    He, Zhang, Ren, Sun, 2015. https://arxiv.org/abs/1502.01852 (section 2.2, backward case)
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
