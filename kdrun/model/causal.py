"""Language models of Hugging Face `transformers`: the next token, at every place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from kdrun.model.writer import Kind, made, remade

KIND = Kind(
    "causal",
    "AutoModelForCausalLM",
    "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
    "causal language model",
)


def create(
    architecture: str,
    num_classes: int,
    pretrained: bool = False,
    gradient_checkpointing: bool = False,
    tensors: Sequence[str] = (),
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
        gradient_checkpointing: keep of each layer in training what enters it alone, and compute the
            rest again for the gradient: less memory, more time.
        tensors: what the data give.
        kwargs: settings of transformers' configuration, such as `n_layer` or `hidden_size`.

    Raises:
        ValueError: there is no such model, it has no such setting, or it has other tokens; or the
            data are for an encoder and a decoder.
    """
    if "decoder_input_ids" in tensors:
        raise ValueError(
            f"{architecture} reads one text, and the data give two: set dataset.form=joined, or "
            "take a model with an encoder, such as t5"
        )
    return made(KIND, architecture, num_classes, pretrained, gradient_checkpointing, kwargs)


def restore(config: Mapping[str, Any], num_classes: int) -> nn.Module:
    """Make the network that `create` described, whose weights are at hand.

    Args:
        config: of transformers, as plain values.
        num_classes: how many tokens there are.
    """
    return remade(KIND, config)
