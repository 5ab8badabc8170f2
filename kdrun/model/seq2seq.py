"""Language models with an encoder, of Hugging Face `transformers`: they translate and sum up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from kdrun.model.writer import Kind, made, remade

KIND = Kind(
    "seq2seq",
    "AutoModelForSeq2SeqLM",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES",
    "model with an encoder and a decoder",
)


def create(
    architecture: str,
    num_classes: int,
    pretrained: bool = False,
    gradient_checkpointing: bool = False,
    tensors: Sequence[str] = (),
    **kwargs: Any,
) -> nn.Module:
    """Make an encoder and a decoder over the tokens of the data.

    It reads `input_ids` and `attention_mask`, and `decoder_input_ids` with theirs. Stages are up to
    four layers of the encoder. No code that comes with a model is run.

    Args:
        architecture: a type such as `t5`, `bart` or `marian`, whose shape is taken; pretrained, a
            folder or a name on the hub.
        num_classes: how many tokens there are.
        pretrained: load the weights of `architecture`.
        gradient_checkpointing: keep of each layer in training what enters it alone, and compute the
            rest again for the gradient: less memory, more time.
        tensors: what the data give.
        kwargs: settings of transformers' configuration, such as `num_layers` or `d_model`.

    Raises:
        ValueError: there is no such model, it has no such setting, or it has other tokens; or the
            data are for a decoder alone.
    """
    if tensors and "decoder_input_ids" not in tensors:
        raise ValueError(
            f"{architecture} reads a text and writes another, and the data give one: set "
            "dataset=pairs dataset.form=apart, or take a decoder, such as gpt2"
        )
    return made(KIND, architecture, num_classes, pretrained, gradient_checkpointing, kwargs)


def restore(config: Mapping[str, Any], num_classes: int) -> nn.Module:
    """Make the network that `create` described, whose weights are at hand.

    Args:
        config: of transformers, as plain values.
        num_classes: how many tokens there are.
    """
    return remade(KIND, config)
