"""Language models of Hugging Face `transformers`: the next token, at every place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from kdrun.config.nearest import nearest
from kdrun.hub import library
from kdrun.model.transformers import change, describe, own_settings, read_config


def create(
    architecture: str,
    num_classes: int,
    pretrained: bool = False,
    **kwargs: Any,
) -> nn.Module:
    """Make a causal language model over the tokens of the data.

    It reads `input_ids` and `attention_mask`. Stages are up to four of its layers. No code that
    comes with a model is run.

    Args:
        architecture: a type such as `gpt2` or `llama`, whose shape is taken; pretrained, a folder
            or a name on the hub.
        num_classes: how many tokens there are.
        pretrained: load the weights of `architecture`.
        kwargs: settings of transformers' configuration, such as `n_layer` or `hidden_size`.

    Raises:
        ValueError: there is no such model, it has no such setting, or it has other tokens.
    """
    transformers = library()
    auto = transformers.AutoModelForCausalLM
    config = _config(architecture, pretrained, kwargs)
    if pretrained and config.vocab_size < num_classes:
        raise ValueError(
            f"{architecture} knows {config.vocab_size} tokens, the data have {num_classes}: set "
            f"dataset.tokenizer={architecture}"
        )
    if not pretrained:
        config.vocab_size = num_classes
        for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
            setattr(config, key, 0)
    config.use_cache = False
    try:
        if pretrained:
            net = auto.from_pretrained(
                architecture, config=config, dtype=torch.float32, trust_remote_code=False
            )
        else:
            net = auto.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except Exception as error:  # of many classes, some of them transformers' own
        raise ValueError(f"transformers: {architecture}: {str(error).splitlines()[0]}") from error
    return _described(net)


def restore(config: Mapping[str, Any], num_classes: int) -> nn.Module:
    """Make the network that `create` described, whose weights are at hand.

    Args:
        config: of transformers, as plain values.
        num_classes: how many tokens there are.
    """
    transformers = library()
    from transformers import CONFIG_MAPPING

    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise ValueError(f"transformers has no model_type {kind!r:.40}")
    made = transformers.AutoConfig.for_model(kind, **own_settings(config))
    auto = transformers.AutoModelForCausalLM
    return _described(auto.from_config(made, dtype=torch.float32, trust_remote_code=False))


def _config(name: str, pretrained: bool, settings: Mapping[str, Any]) -> Any:
    from transformers import CONFIG_MAPPING, AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as KNOWN

    if pretrained:
        config = read_config("model.architecture", name)
    elif name in CONFIG_MAPPING and name in KNOWN:
        config = AutoConfig.for_model(name)
    else:
        raise ValueError(
            f"transformers has no causal language model '{name}'; {nearest(name, KNOWN)}"
        )
    change(config, name, settings)
    return config


def _described(net: Any) -> nn.Module:
    """Write on the network what kdrun asks for: its stages, and what rebuilds it."""
    return describe(net, {"_target_": "kdrun.model.causal.restore", "config": net.config.to_dict()})
