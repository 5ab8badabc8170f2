"""torchvision's networks for segmentation, as one map of scores."""

from __future__ import annotations

from torch import Tensor, nn

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

LAST = {"fcn": "classifier.2", "deeplabv3": "classifier.3", "lraspp": "classifier.cbr"}
"""What the classifier of each kind of network reads."""


class Dense(nn.Module):
    """One of torchvision's networks for segmentation: scores at the picture's own size.

    Its auxiliary classifier, where it has one, is left out. The stages are the backbone's, and
    last what the classifier reads.

    Args:
        name: one of `STAGES`.
        num_classes: of pixels.
        in_channels: of the picture: 3.
        pretrained: load torchvision's weights of the backbone, and normalise as they were trained.

    Raises:
        ValueError: there is no such network, or the picture has other channels.
    """

    def __init__(
        self, name: str, num_classes: int, in_channels: int, pretrained: bool = False
    ) -> None:
        super().__init__()
        more = {} if name.startswith("lraspp") else {"aux_loss": False}
        self.net = made(name, STAGES, in_channels, pretrained, num_classes=num_classes, **more)
        backbone = (f"net.backbone.{stage}" for stage in STAGES[name])
        self.stage_names = (*backbone, f"net.{LAST[name.split('_')[0]]}")
        if pretrained:
            self.input_mean, self.input_std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def forward(self, x: Tensor) -> Tensor:
        """(N, num_classes, H, W) of (N, 3, H, W)."""
        scores: Tensor = self.net(x)["out"]
        return scores
