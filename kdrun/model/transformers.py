"""Text classifiers of Hugging Face `transformers`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from kdrun.config.instantiate import nearest
from kdrun.hub import library, require
from kdrun.hub.place import local

log = logging.getLogger(__name__)

FOREIGN = (
    *("auto_map", "model_type", "attn_implementation", "_attn_implementation"),
    *("quantization_config", "dtype", "torch_dtype"),
)
"""Settings in a file of weights that could make transformers load more than it needs."""

STAGES = 4
"""How many layers are shown, of more."""


def create(
    name: str,
    num_classes: int,
    classes: Sequence[str] = (),
    pretrained: bool = True,
    layers: int | None = None,
    tokenizer: str | None = None,
    **kwargs: Any,
) -> nn.Module:
    """Make a sequence classifier; with weights, only its classifier is new where classes differ.

    It reads `input_ids` and `attention_mask`, as `dataset.tokenizer` gives them. Stages are up to
    four of its layers, evenly from the last. No code that comes with a model is run.

    Args:
        name: a folder, a name on the hub, or, not pretrained, a type such as `distilbert`.
        num_classes: width of the output.
        classes: what they are called. A classifier of the same names in another order, whatever
            their case, is put into this one.
        pretrained: load the weights of `name`; otherwise only its shape is taken.
        layers: how many are kept, evenly from the last, as DistilBERT takes every other one of BERT
            (Sanh et al., 2019); None for all.
        tokenizer: whose tokens it reads, where the dataset has several; None for `name`'s.
        kwargs: settings of transformers' configuration, such as `hidden_size`.

    Raises:
        ValueError: there is no such model, it has no such setting, or the weights do not fit.
    """
    transformers = library()
    config = _config(name, pretrained, kwargs)
    own = [str(config.id2label[place]) for place in sorted(config.id2label)]
    config.num_labels = num_classes
    config.use_cache = False
    if config.pad_token_id is None:  # `fit_tokens` learns it from the data; some need one to run
        config.pad_token_id = 0
    if layers is not None and not 1 <= layers <= config.num_hidden_layers:
        raise ValueError(f"layers={layers}: {name} has {config.num_hidden_layers}")
    auto = transformers.AutoModelForSequenceClassification
    try:
        if pretrained:
            net = load_weights(auto, name, config)
            _rename(net, own, list(classes))
        else:
            if layers is not None:
                _shorten(config, evenly(config.num_hidden_layers, layers))
            net = auto.from_config(config, dtype=torch.float32, trust_remote_code=False)
        if pretrained and layers is not None:
            _keep(net, layers)
    except Exception as error:  # of many classes, some of them transformers' own
        raise ValueError(f"transformers: {name}: {str(error).splitlines()[0]}") from error
    if classes:
        net.config.id2label = dict(enumerate(classes))
        net.config.label2id = {name: place for place, name in enumerate(classes)}
    net.trained_with = name if pretrained and tokenizer is None else tokenizer
    return _describe(net, name if tokenizer is None else tokenizer)


def restore(config: Mapping[str, Any], num_classes: int, tokenizer: str) -> nn.Module:
    """Make the network that `create` described, whose weights are at hand.

    Args:
        config: of transformers, as plain values.
        num_classes: width of the output.
        tokenizer: whose tokens it reads.
    """
    transformers = library()
    from transformers import CONFIG_MAPPING

    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise ValueError(f"transformers has no model_type {kind!r:.40}")
    made = transformers.AutoConfig.for_model(kind, **own_settings(config))
    made.num_labels = num_classes
    auto = transformers.AutoModelForSequenceClassification
    net = auto.from_config(made, dtype=torch.float32, trust_remote_code=False)
    return _describe(net, tokenizer)


def own_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without those that load more than the network, at any depth."""
    return {
        key: own_settings(value) if isinstance(value, Mapping) else value
        for key, value in settings.items()
        if key not in FOREIGN
    }


def _config(name: str, pretrained: bool, settings: Mapping[str, Any]) -> Any:
    from transformers import CONFIG_MAPPING, AutoConfig

    if not pretrained and name in CONFIG_MAPPING and not Path(name).exists():
        config = AutoConfig.for_model(name)
    else:
        config = read_config("model.name", name)
    if getattr(config, "is_encoder_decoder", False) or not hasattr(config, "num_hidden_layers"):
        raise ValueError(
            f"{name} is a {config.model_type}: only encoders and decoders of texts are classifiers "
            "here, such as bert, roberta or llama"
        )
    change(config, name, settings)
    return config


def read_config(key: str, name: str) -> Any:
    """The configuration of a folder or of a name on the hub.

    Args:
        key: of the config that names it, for messages.
        name: the folder, or the name.

    Raises:
        ValueError: there is none.
    """
    from transformers import AutoConfig

    require(key, name, "config.json")
    try:
        return AutoConfig.from_pretrained(local(name), trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"there is no model '{name}': it is neither a folder with a config.json nor to be "
            f"had from the hub ({str(error).splitlines()[0]})"
        ) from error


def change(config: Any, name: str, settings: Mapping[str, Any]) -> None:
    """Set what a user says of a configuration.

    Args:
        config: of transformers, in place.
        name: of the model, for messages.
        settings: by their names there.

    Raises:
        ValueError: it has no such setting; the nearest one is told.
    """
    known = config.to_dict().keys() | config.attribute_map.keys()
    for key, value in settings.items():
        if key not in known:
            raise ValueError(f"{name} has no setting '{key}'; {nearest(key, known)}")
        setattr(config, key, value)


def load_weights(auto: Any, name: str, config: Any) -> Any:
    """The classifier with its weights; those of another classifier stay behind.

    Raises:
        ValueError: there are none, or they are not of this shape.
    """
    from transformers.utils import logging as told_by_transformers

    told_by_transformers.disable_progress_bar()  # weights at hand are there at once
    told_by_transformers.set_verbosity_error()  # what does not fit is told below
    try:
        net, told = auto.from_pretrained(
            local(name),
            config=config,
            dtype=torch.float32,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except OSError as error:
        raise ValueError(f"no weights: {str(error).splitlines()[0]}") from error
    body = f"{net.base_model_prefix}."
    other = sorted(key for key, *_ in told["mismatched_keys"])
    lost = [key for key in (*other, *sorted(told["missing_keys"])) if key.startswith(body)]
    # Poolers are left out of what is pretrained by masked words alone.
    if lost := [key for key in lost if ".pooler." not in key]:
        raise ValueError(
            f"the weights do not fit the settings: {len(lost)} tensors, such as {lost[0]}; "
            "pretrained=false trains this shape from the start"
        )
    fresh = sorted({*other, *told["missing_keys"]})
    log.info("%s: %s", name, f"new are {', '.join(fresh)}" if fresh else "no weights are new")
    return net


def _rename(net: Any, own: list[str], classes: list[str]) -> None:
    """Put the outputs of a classifier into the order of the data's classes."""
    if len(own) != len(classes) or all(name.startswith("LABEL_") for name in own):
        return
    places = {name.casefold(): place for place, name in enumerate(own)}
    if sorted(places) != sorted(name.casefold() for name in classes):
        log.warning(
            "the classifier's classes %s are taken for %s, in this order",
            ", ".join(own),
            ", ".join(classes),
        )
        return
    order = [places[name.casefold()] for name in classes]
    (*_, head) = (module for module in net.modules() if isinstance(module, nn.Linear))
    with torch.no_grad():
        head.weight.copy_(head.weight[order])
        if head.bias is not None:
            head.bias.copy_(head.bias[order])


def _layers(net: Any) -> tuple[str, nn.ModuleList] | None:
    """Name and content of the list of a network's layers."""
    for name, module in net.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == net.config.num_hidden_layers:
            return name, module
    return None


def _keep(net: Any, count: int) -> None:
    """Drop layers, so that `count` are left, evenly from the last."""
    found = _layers(net)
    if found is None:
        raise ValueError(f"{type(net).__name__} has no list of layers to choose from")
    name, layers = found
    if len({frozenset(layer.state_dict()) for layer in layers}) > 1:
        raise ValueError("its layers are not alike, so none can be left out; pretrained=false can")
    places = evenly(len(layers), count)
    chosen = [layers[place] for place in places]
    for position, layer in enumerate(chosen):
        parts: list[Any] = [part for part in layer.modules() if hasattr(part, "layer_idx")]
        for part in parts:
            part.layer_idx = position
    log.info("layers %d of %d are kept", count, len(layers))
    net.set_submodule(name, nn.ModuleList(chosen))
    _shorten(net.config, places)


def _shorten(config: Any, places: list[int]) -> None:
    """Keep of all that a configuration says of each layer what it says of these."""
    for key, value in config.to_dict().items():
        if isinstance(value, list) and len(value) == config.num_hidden_layers:
            setattr(config, key, [value[place] for place in places])
    config.num_hidden_layers = len(places)


def evenly(size: int, count: int) -> list[int]:
    """`count` of so many places, evenly from the last."""
    return [(i + 1) * size // count - 1 for i in range(count)]


def _describe(net: Any, tokenizer: str) -> nn.Module:
    net.tokenizer = tokenizer
    what = {"_target_": "kdrun.model.transformers.restore", "config": net.config.to_dict()}
    return describe(net, {**what, "tokenizer": tokenizer})


def describe(net: Any, described: dict[str, Any]) -> nn.Module:
    """Write on a network what kdrun asks for: its stages, and what rebuilds it.

    Args:
        net: of transformers.
        described: a `_target_` and its arguments.
    """
    found = _layers(net)
    if found is not None:
        name, layers = found
        places = evenly(len(layers), min(STAGES, len(layers)))
        net.stage_names = tuple(f"{name}.{place}" for place in places)
    net.described = described
    return cast(nn.Module, net)
