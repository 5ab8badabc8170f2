"""torchvision's networks for segmentation, as one map of scores."""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.config.nearest import nearest
from kdrun.model.from_torchvision import made

STAGES = {
    "fcn_resnet50": ("layer1", "layer2", "layer3", "layer4"),
    "fcn_resnet101": ("layer1", "layer2", "layer3", "layer4"),
    "deeplabv3_resnet50": ("layer1", "layer2", "layer3", "layer4"),
    "deeplabv3_resnet101": ("layer1", "layer2", "layer3", "layer4"),
    "deeplabv3_mobilenet_v3_large": ("3", "6", "12", "16"),
    "lraspp_mobilenet_v3_large": ("3", "6", "12", "16"),
}
"""The stages of each backbone, shallow to deep."""

WITH_AUXILIARY = tuple(name for name in STAGES if not name.startswith("lraspp"))

LAST = {"fcn": "classifier.2", "deeplabv3": "classifier.3", "lraspp": "classifier.cbr"}
"""What the classifier of each kind of network reads."""


class Scored(NamedTuple):
    """What a network says of N pictures.

    Attributes:
        logits: (N, C, H, W).
        loss: a scalar beside the term of the labels, where it was told the targets.
    """

    logits: Tensor
    loss: Tensor | None = None


class Dense(nn.Module):
    """One of torchvision's networks for segmentation: scores at the picture's own size.

    The stages are the backbone's, and last what the classifier reads. The auxiliary classifier,
    which reads the backbone's last stage but one, learns with the network and says nothing later
    (Zhao et al., 2017, https://arxiv.org/abs/1612.01105); its parameters count among the network's.

    Args:
        name: one of `STAGES`.
        num_classes: of pixels.
        in_channels: of the picture: 3.
        pretrained: load torchvision's weights of the backbone, and normalise as they were trained.
        auxiliary: weight of the auxiliary classifier's term beside that of the labels, published is
            0.4; 0 to leave it out.

    Raises:
        ValueError: there is no such network, it has no such classifier, or the picture has other
            channels.
    """

    def __init__(
        self,
        name: str,
        num_classes: int,
        in_channels: int,
        pretrained: bool = False,
        auxiliary: float = 0.0,
    ) -> None:
        super().__init__()
        if not auxiliary >= 0:
            raise ValueError(f"auxiliary={auxiliary}: give 0 or more")
        if auxiliary and name in STAGES and name not in WITH_AUXILIARY:
            raise ValueError(
                f"{name} has no auxiliary classifier; {nearest(name, WITH_AUXILIARY)}, or set "
                "auxiliary to 0"
            )
        self.auxiliary = auxiliary
        more = {"aux_loss": auxiliary > 0} if name in WITH_AUXILIARY else {}
        self.net = made(name, STAGES, in_channels, pretrained, num_classes=num_classes, **more)
        backbone = (f"net.backbone.{stage}" for stage in STAGES[name])
        self.stage_names = (*backbone, f"net.{LAST[name.split('_')[0]]}")
        if pretrained:
            self.input_mean, self.input_std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Scored:
        """(N, num_classes, H, W) of (N, 3, H, W); with targets (N, H, W), the term beside."""
        said: dict[str, Tensor] = self.net(x)
        if targets is None or not self.auxiliary:
            return Scored(said["out"])
        total = F.cross_entropy(said["aux"].float(), targets, ignore_index=-1, reduction="sum")
        return Scored(said["out"], self.auxiliary * total / (targets >= 0).sum().clamp(min=1))
