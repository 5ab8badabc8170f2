"""RT-DETR of Hugging Face `transformers`: a detector whose boxes are matched, not thinned out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.hub import library
from kdrun.model.detector import MOST, MULTIPLE, Found
from kdrun.model.from_transformers import network
from kdrun.task.detection import FIELDS, real

APART = ("id2label", "label2id", "architectures", "transformers_version", "dtype")
"""What a configuration says beside the shape of the network."""


class RTDETR(nn.Module):
    """A convolutional encoder, and a decoder whose queries become one box each.

    Zhao et al., 2023. https://arxiv.org/abs/2304.08069. Its supervised term is that of
    transformers, in which queries of each layer of the decoder are matched to true boxes by the
    Hungarian algorithm, beside queries that begin as noisy true boxes. The stages are the levels
    that the decoder reads.

    Args:
        num_classes: of boxes.
        in_channels: of the picture: 3.
        name: a folder or a name on the hub, whose shape is taken; None for that of `settings`.
        pretrained: load the weights of `name`; what scores classes is new where these are others.
        settings: of transformers' RTDetrConfig, such as `num_queries`, of which a picture must have
            as many places; R50 with 300 without any.

    Raises:
        ValueError: there is no such model, it is of another kind, it has no such setting, the
            weights do not fit, or the picture has other channels.
    """

    has_heads: ClassVar[bool] = False
    capturable: ClassVar[str] = "boxes are matched on the CPU"

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        name: str | None = None,
        pretrained: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if in_channels != 3:
            raise ValueError(f"RT-DETR reads 3 channels, and the data have {in_channels}")
        config = shape_of(name, settings or {})
        config.num_labels = num_classes
        kind = library().RTDetrForObjectDetection
        self.net = network(kind, config, name, pretrained, settings or {})
        usual, told = library().RTDetrConfig().to_dict(), config.to_dict()
        self.described = {
            "_target_": "kdrun.model.rt_detr.RTDETR",
            "settings": {k: told[k] for k in usual if told[k] != usual[k] and k not in APART},
        }
        levels = len(self.net.model.decoder_input_proj)
        self.stage_names = tuple(f"net.model.decoder_input_proj.{n}" for n in range(levels))

    def forward(self, x: Tensor, targets: Tensor | None = None) -> Found:
        """Boxes of pictures (N, 3, H, W); with targets (N, M, 6), the loss instead."""
        filled = F.pad(x, (0, -x.shape[3] % MULTIPLE, 0, -x.shape[2] % MULTIPLE))
        sides = x.new_tensor([filled.shape[3], filled.shape[2]] * 2)
        if targets is None:
            said = self.net(pixel_values=filled)
            return Found(self._found(said.logits, said.pred_boxes * sides, x.shape[2:]))
        labels = [
            {"class_labels": one["labels"], "boxes": middles(one["boxes"]) / sides}
            for one in real(targets)
        ]
        loss: Tensor = self.net(pixel_values=filled, labels=labels).loss
        return Found(x.new_zeros(len(x), 0, FIELDS), loss=loss)

    def _found(self, logits: Tensor, boxes: Tensor, size: tuple[int, ...]) -> Tensor:
        """(N, 100, 6) of (N, Q, C) scores and (N, Q, 4) middles and sides in pixels."""
        scores, best = logits.float().sigmoid().flatten(1).topk(min(MOST, logits[0].numel()), 1)
        own = boxes.gather(1, (best // logits.shape[2])[..., None].expand(-1, -1, 4))
        corners = torch.cat([own[..., :2] - own[..., 2:] / 2, own[..., :2] + own[..., 2:] / 2], 2)
        inside = corners.clamp(min=0).minimum(corners.new_tensor([size[1], size[0]] * 2))
        return torch.cat([(best % logits.shape[2])[..., None], scores[..., None], inside], 2)


def middles(boxes: Tensor) -> Tensor:
    """(K, 4) middle, width and height of (K, 4) left, top, right, bottom."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return torch.cat([(low + high) / 2, high - low], 1)


def shape_of(name: str | None, settings: Mapping[str, Any]) -> Any:
    """The configuration of a folder or of a name on the hub, or R50's, with some settings.

    Raises:
        ValueError: there is none, it is of another kind of model, or it has no such setting.
    """
    from kdrun.model.transformers import change, read_config

    kind = library().RTDetrConfig
    config = (
        kind(freeze_backbone_batch_norms=False) if name is None else read_config("model.name", name)
    )
    if config.model_type != "rt_detr":
        raise ValueError(f"{name} is a {config.model_type}, and this is for rt_detr")
    change(config, name or "rt_detr", settings)
    return kind(**config.to_dict())  # settings within settings become objects
