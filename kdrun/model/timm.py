"""Any architecture of timm, with a stem that suits small images."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from kdrun.config.nearest import nearest
from kdrun.model.timm_hub import describe, of_hub

# Three halvings follow their patches.
HARMLESS = frozenset(
    {
        *("drop_rate", "drop_path_rate", "drop_block_rate", "proj_drop_rate", "attn_drop_rate"),
        *(
            "pos_drop_rate",
            "patch_drop_rate",
            "head_drop_rate",
            "drop_connect_rate",
            "head_init_scale",
        ),
        *("img_size", "patch_size", "window_size", "embed_dim", "embed_dims", "depth", "depths"),
        *("dims", "num_heads", "mlp_ratio", "mlp_ratios", "qkv_bias", "qk_norm", "init_values"),
        *("class_token", "global_pool", "fc_norm", "pre_norm", "no_embed_class", "reg_tokens"),
        *("dynamic_img_size", "dynamic_img_pad", "strict_img_size", "ls_init_value", "conv_mlp"),
        *("kernel_sizes", "use_grn", "conv_bias", "output_stride", "stem_width", "stem_type"),
        *("base_width", "cardinality", "block_reduce_first", "down_kernel_size", "avg_down"),
        *("zero_init_last", "replace_stem_pool", "growth_rate", "num_features", "head_hidden_size"),
        *("stem_size", "fix_stem", "pad_type", "round_chs_fn", "channels", "layers", "act_layer"),
        *(
            "norm_layer",
            "memory_efficient",
            "width_factor",
            "always_partition",
            "ape",
            "head_init_scale",
        ),
    }
)
"""Arguments of timm's networks that shape them: none names a file or an address."""

PYRAMIDS = ("convnext", "swin_transformer", "swin_transformer_v2")


def create(
    name: str,
    num_classes: int,
    in_channels: int,
    image_size: int,
    pretrained: bool = False,
    stem: Literal["auto", "small", "native"] = "auto",
    **kwargs: Any,
) -> nn.Module:
    """Make a network by its name in timm.

    Native stems shrink the image 4 to 16 times. A small one keeps its resolution: the first
    convolution is at most 3×3 with stride 1, and no pooling follows. Plain vision transformers
    get the smallest patches of which at most 8 stand side by side; ConvNeXt and Swin patches of
    one pixel, from 64 pixels on of four. What has neither keeps its stem.

    Args:
        name: as in `timm.list_models()`, with a tag of weights or without; or `hf://OWNER/NAME`.
        num_classes: width of the output.
        in_channels: channels of the image.
        image_size: height and width of the image.
        pretrained: load timm's weights, and normalise images as they were trained.
        stem: `auto` is `small` for images of 64 pixels or less, unless pretrained.
        kwargs: further arguments of `timm.create_model`, of those in `HARMLESS`.

    Raises:
        ValueError: timm has no such network, and the nearest names are told; or it does not take
            an argument.
    """
    import timm  # 2-4 s, which runs without it need not wait for

    name, kwargs, overlay = of_hub(name, kwargs)
    if not timm.is_model(name):
        near = difflib.get_close_matches(name.split(".")[0], timm.list_models(), n=3, cutoff=0)
        raise ValueError(f"timm has no network '{name}'; the nearest are {', '.join(near)}")
    refuse(name, kwargs)
    small = stem == "small" or (stem == "auto" and image_size <= 64 and not pretrained)
    config = timm.get_pretrained_cfg(name)
    first = getattr(config, "first_conv", None)
    fixed = getattr(config, "fixed_input_size", False)
    if fixed:
        kwargs.setdefault("img_size", image_size)
    family = timm.models.model_entrypoint(name).__module__.rpartition(".")[2]
    patches = family in PYRAMIDS or (fixed and first == "patch_embed.proj")
    if small and patches:
        kwargs.setdefault("patch_size", _patch_size(image_size, family in PYRAMIDS))
    kwargs |= {"num_classes": num_classes, "in_chans": in_channels}
    try:
        told = {**kwargs, "pretrained_cfg_overlay": overlay}
        net: nn.Module = timm.create_model(name, pretrained=pretrained, **told)
    except TypeError as error:
        raise ValueError(
            f"timm's {name} takes not all of {', '.join(kwargs)}: {error}; stem=native may help"
        ) from error
    if small and not patches and not fixed and isinstance(first, str):
        _open_stem(net, first)
    _describe(net, in_channels, pretrained)
    if overlay:
        describe(net, name, kwargs, small)
    return net


def refuse(name: str, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that could name a file, an address or code.

    Raises:
        ValueError: with what may be given.
    """
    for key, value in arguments.items():
        if key not in HARMLESS:
            raise ValueError(
                f"timm's {name} takes not all of {', '.join(arguments)}: {key} does not "
                f"shape a network; {nearest(key, HARMLESS)}"
            )
        parts = value if isinstance(value, (list, tuple)) else [value]
        for part in parts:
            word = isinstance(part, str) and part.isidentifier()
            if not (word or part is None or isinstance(part, (bool, int, float))):
                raise ValueError(f"{key}={value!r:.60}: give numbers, or a word that timm knows")


def _patch_size(image_size: int, pyramid: bool) -> int:
    if pyramid:
        return 1 if image_size < 64 else 4  # 2 would make timm's convnext add a halving
    return next(p for p in range(1, image_size + 1) if image_size % p == 0 and image_size // p <= 8)


def _open_stem(net: nn.Module, first: str) -> None:
    """Give the first convolution stride 1 and a kernel of at most 3×3; drop the next pooling."""
    convolution = net.get_submodule(first)
    if not isinstance(convolution, nn.Conv2d):
        return
    convolution.stride = (1, 1)
    if convolution.kernel_size > (3, 3):
        small = nn.Conv2d(
            convolution.in_channels,
            convolution.out_channels,
            3,
            padding=1,
            bias=convolution.bias is not None,
        )
        nn.init.kaiming_normal_(small.weight, mode="fan_out", nonlinearity="relu")
        net.set_submodule(first, small)
    for pool in ("maxpool", "features.pool0"):
        if pool in dict(net.named_modules()):
            net.set_submodule(pool, nn.Identity())


def _describe(net: nn.Module, in_channels: int, pretrained: bool) -> None:
    """Write on the network what `kdrun.model.build` asks for: stages, head and normalisation."""
    modules = dict(net.named_modules())
    levels = [i for i in getattr(net, "feature_info", ()) if i.get("module") in modules]
    names = [level["module"] for level in levels]
    if len({level["reduction"] for level in levels}) == 1:  # a plain transformer: every block
        names = [names[(i + 1) * len(names) // 4 - 1] for i in range(4)]
    config: dict[str, Any] = getattr(net, "pretrained_cfg", {})
    head = config.get("classifier")
    head = head[0] if isinstance(head, (tuple, list)) else head
    found: dict[str, Any] = {"stage_names": tuple(names[-4:])}
    found["head_name"] = head if head in modules else None
    if pretrained:
        # timm sums the filters of RGB for grey images, so the mean of the three stands for all.
        mean, std = config["mean"], config["std"]
        grey = in_channels != len(mean)
        found["input_mean"] = (sum(mean) / len(mean),) if grey else tuple(mean)
        found["input_std"] = (sum(std) / len(std),) if grey else tuple(std)
    for key, value in found.items():
        setattr(net, key, value)
