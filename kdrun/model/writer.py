"""What language models of `transformers` share: how they are made, and made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from kdrun.config.nearest import nearest
from kdrun.hub import library
from kdrun.hub.place import local
from kdrun.model.transformers import change, describe, own_settings, read_config


class Kind(NamedTuple):
    """One kind of language model.

    Attributes:
        module: of kdrun.model that makes it.
        auto: the class of transformers that does.
        known: the name of the table of its architectures there.
        called: in words.
    """

    module: str
    auto: str
    known: str
    called: str


def made(
    kind: Kind,
    architecture: str,
    tokens: int,
    pretrained: bool,
    gradient_checkpointing: bool,
    settings: Mapping[str, Any],
) -> nn.Module:
    """A language model over some tokens.

    Args:
        kind: of it.
        architecture: a type, whose shape is taken; pretrained, a folder or a name on the hub.
        tokens: how many there are.
        pretrained: load the weights.
        gradient_checkpointing: keep of each layer what enters it alone, and compute the rest again
            for the gradient.
        settings: of transformers' configuration.

    Raises:
        ValueError: there is no such model, it has no such setting, or it has other tokens; or it
            cannot compute its layers again.
    """
    auto = getattr(library(), kind.auto)
    config = _config(kind, architecture, pretrained, settings)
    if pretrained and config.vocab_size < tokens:
        raise ValueError(
            f"{architecture} knows {config.vocab_size} tokens, the data have {tokens}: set "
            f"dataset.tokenizer={architecture}"
        )
    if not pretrained:
        config.vocab_size = tokens
        for key in ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"):
            if key in config.to_dict() or hasattr(config, key):
                setattr(config, key, 0)
        for key in ("forced_eos_token_id", "forced_bos_token_id"):
            if getattr(config, key, None) is not None:
                setattr(config, key, None)
    config.use_cache = False
    try:
        if pretrained:
            net = auto.from_pretrained(
                local(architecture), config=config, dtype=torch.float32, trust_remote_code=False
            )
        else:
            net = auto.from_config(config, dtype=torch.float32, trust_remote_code=False)
        if gradient_checkpointing:  # whose name is another one since transformers 5.24
            begin = "activation_checkpointing_enable"
            begin = begin if hasattr(net, begin) else "gradient_checkpointing_enable"
            getattr(net, begin)({"use_reentrant": False})
    except Exception as error:  # of many classes, some of them transformers' own
        raise ValueError(f"transformers: {architecture}: {str(error).splitlines()[0]}") from error
    return _described(kind, net)


def remade(kind: Kind, config: Mapping[str, Any]) -> nn.Module:
    """The network that was described, without its weights.

    Args:
        kind: of it.
        config: of transformers, as plain values.

    Raises:
        ValueError: it is of no architecture.
    """
    transformers = library()
    from transformers import CONFIG_MAPPING

    name = config.get("model_type")
    if not isinstance(name, str) or name not in CONFIG_MAPPING:
        raise ValueError(f"transformers has no model_type {name!r:.40}")
    built = transformers.AutoConfig.for_model(name, **own_settings(config))
    auto = getattr(transformers, kind.auto)
    net = auto.from_config(built, dtype=torch.float32, trust_remote_code=False)
    return _described(kind, net)


def _config(kind: Kind, name: str, pretrained: bool, settings: Mapping[str, Any]) -> Any:
    from transformers import CONFIG_MAPPING, AutoConfig
    from transformers.models.auto import modeling_auto

    known = getattr(modeling_auto, kind.known)
    if pretrained:
        config = read_config("model.architecture", name)
    elif name in CONFIG_MAPPING and name in known:
        config = AutoConfig.for_model(name)
    else:
        raise ValueError(f"transformers has no {kind.called} '{name}'; {nearest(name, known)}")
    change(config, name, settings)
    return config


def _described(kind: Kind, net: Any) -> nn.Module:
    """Write on the network what kdrun asks for: its stages, and what rebuilds it."""
    target = f"kdrun.model.{kind.module}.restore"
    return describe(net, {"_target_": target, "config": net.config.to_dict()})
