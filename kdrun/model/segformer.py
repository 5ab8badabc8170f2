"""SegFormer of Hugging Face `transformers`, as one map of scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from kdrun.hub import library
from kdrun.model.from_transformers import network

SHAPE = (
    *("num_encoder_blocks", "depths", "sr_ratios", "hidden_sizes", "patch_sizes", "strides"),
    *("num_attention_heads", "mlp_ratios", "hidden_act", "hidden_dropout_prob", "layer_norm_eps"),
    *("attention_probs_dropout_prob", "classifier_dropout_prob", "drop_path_rate"),
    "decoder_hidden_size",
)
"""Settings of transformers that say what the network is."""


class SegFormer(nn.Module):
    """Four stages of a transformer under a light decoder: scores at a quarter of a picture's size.

    Xie et al., 2021. https://arxiv.org/abs/2105.15203. The stages are the encoder's, and last what
    the classifier reads.

    Args:
        num_classes: of pixels.
        in_channels: of the picture.
        name: a folder or a name on the hub, whose shape is taken; None for that of `settings`.
        pretrained: load the weights of `name`, and normalise pictures as they were trained; the
            classifier is new where there are other classes.
        settings: of transformers' SegformerConfig, those of `SHAPE`; B0 without any.

    Raises:
        ValueError: there is no such model, it is no SegFormer, it has no such setting, or the
            weights do not fit.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        name: str | None = None,
        pretrained: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        from kdrun.model.transformers import change

        config = shape_of(name)
        change(config, name or "segformer", settings or {})
        config.num_labels, config.num_channels = num_classes, in_channels
        kind = library().SegformerForSemanticSegmentation
        self.net = network(kind, config, name, pretrained, settings or {})
        self.taps = nn.ModuleList(nn.Identity() for _ in config.depths)
        self.stage_names = (
            *(f"taps.{place}" for place in range(len(self.taps))),
            "net.decode_head.activation",
        )
        told = config.to_dict()
        self.described = {
            "_target_": "kdrun.model.segformer.SegFormer",
            "settings": {key: told[key] for key in SHAPE},
        }
        if pretrained and in_channels == 3:
            self.input_mean, self.input_std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def forward(self, x: Tensor) -> Tensor:
        """(N, num_classes, H / 4, W / 4) of (N, in_channels, H, W)."""
        said = self.net.segformer(x, output_hidden_states=True, return_dict=True)
        maps = [tap(each) for tap, each in zip(self.taps, said.hidden_states, strict=True)]
        scores: Tensor = self.net.decode_head(maps)
        return scores


def shape_of(name: str | None) -> Any:
    """The configuration of a folder or of a name on the hub; B0's without one.

    Raises:
        ValueError: there is none, or it is of another kind of model.
    """
    from kdrun.model.transformers import read_config

    if name is None:
        return library().SegformerConfig()
    config = read_config("model.name", name)
    if config.model_type != "segformer":
        raise ValueError(f"{name} is a {config.model_type}, and this is for segformer")
    return config
