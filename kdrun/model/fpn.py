"""Any encoder of timm under a light decoder: a class for each place of a picture."""

from __future__ import annotations

import difflib
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

FINEST = 4
"""The decoder works at this fraction of the picture's height and width."""


class FPN(nn.Module):
    """A feature pyramid over the stages of an encoder, and a classifier of its finest level.

    Each stage from a quarter of the picture's size down is brought to one width by a 1×1
    convolution; from the coarsest up, each level is doubled and added to the next. Kirillov,
    Girshick, He, Dollár, 2019, with one level classified instead of all. The stages are the
    encoder's, and last the level that is classified.

    Args:
        encoder: as in `timm.list_models()`, one whose stages are maps.
        num_classes: of pixels.
        in_channels: of the picture.
        width: of the decoder.
        pretrained: load timm's weights of the encoder, and normalise pictures as they were trained.

    Raises:
        ValueError: timm has no such network, or its stages are no maps.
    """

    def __init__(
        self,
        encoder: str,
        num_classes: int,
        in_channels: int,
        width: int = 64,
        pretrained: bool = False,
    ) -> None:
        import timm

        super().__init__()
        if not timm.is_model(encoder):
            near = difflib.get_close_matches(encoder, timm.list_models(), n=3, cutoff=0)
            raise ValueError(f"timm has no network '{encoder}'; the nearest are {', '.join(near)}")
        try:
            self.encoder = timm.create_model(
                encoder, features_only=True, in_chans=in_channels, pretrained=pretrained
            )
        except (RuntimeError, AttributeError, AssertionError) as error:
            raise ValueError(f"the stages of timm's {encoder} are no maps: {error}") from error
        info: Any = self.encoder.feature_info
        sizes = zip(info.channels(), info.reduction(), strict=True)
        self.first = next((n for n, r in enumerate(info.reduction()) if r >= FINEST), 0)
        channels = [c for c, _ in sizes][self.first :]
        self.taps = nn.ModuleList(nn.Identity() for _ in channels)
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.classify = nn.Conv2d(width, num_classes, 1)
        self.stage_names = (*(f"taps.{n}" for n in range(len(channels))), "smooth")
        if pretrained and in_channels == 3:
            told: Any = self.encoder.pretrained_cfg
            self.input_mean, self.input_std = tuple(told["mean"]), tuple(told["std"])

    def forward(self, x: Tensor) -> Tensor:
        """(N, num_classes, H / 4, W / 4) of (N, in_channels, H, W)."""
        features = self.encoder(x)[self.first :]
        levels = [
            lateral(tap(f))
            for lateral, tap, f in zip(self.lateral, self.taps, features, strict=True)
        ]
        level = levels.pop()
        for finer in reversed(levels):
            level = finer + F.interpolate(level, size=finer.shape[2:], mode="nearest")
        scores: Tensor = self.classify(self.smooth(level))
        return scores
