"""Networks: kdrun's own, any of timm, or a class of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from torch import nn

from kdrun.config.called import OWN
from kdrun.config.instantiate import call, locate, parameters, without
from kdrun.model.features import Network
from kdrun.model.small_maps import multiply
from kdrun.model.tokens import advise
from kdrun.sample import blank, rows_shape
from kdrun.task import Task
from kdrun.task.classification import Classification
from kdrun.types import Shape

FETCHING = ("pretrained", "weights", "weights_backbone")
"""Arguments of timm's and torchvision's networks that fetch weights."""

FAILURES = (
    *(RuntimeError, TypeError, ValueError),
    *(AttributeError, AssertionError, IndexError),
)
"""What a network raises on samples that it was not made for."""


def build(
    config: Mapping[str, Any],
    *,
    num_classes: int,
    shape: Shape,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
    plugins: Sequence[str] = (),
    classes: Sequence[str] = (),
    known: bool = False,
    place: str = "model",
    task: Task | None = None,
) -> Network:
    """Make the network that a model's yaml describes, and try it on an example.

    The callable gets the yaml's arguments and, of `num_classes`, `classes`, `in_channels`,
    `image_size`, `in_features` and `tensors`, what inputs by name are called, those that its
    signature names. A network may bring its own
    `stage_names`, `activation_names` (the activations behind those), `head_name`, `input_mean` and
    `input_std`; the yaml's `stages` and `head` go before them, and they before the data's mean and
    standard deviation.

    Args:
        config: `_target_`, its arguments, and `stages` and `head` as in `Network`.
        num_classes: width of the output: `Task.width`.
        shape: of one sample; () where it is not known, and no example can be made.
        mean: per channel of the data.
        std: per channel of the data.
        plugins: packages that `_target_` may also lie in.
        classes: what they are called, if there are any.
        known: whether mean and std are known of this network, and so go before its own.
        place: of the description in `kdrun.security.places`: `written` if a file of weights holds
            it.
        task: what is predicted, whose form the output must have; None: (N, num_classes).

    Raises:
        ValueError: the description is wrong, or the network does not turn (N, *shape) into
            what the task wants.
    """
    facts: dict[str, Any] = {"num_classes": num_classes, "classes": classes}
    facts["tensors"] = tuple(shape) if isinstance(shape, dict) else ()
    facts |= _sizes(config, place, plugins, shape)
    net = call(without(config, *OWN["model"]), place, plugins, **facts)
    if not isinstance(net, nn.Module):
        raise ValueError(f"{config['_target_']} gives a {type(net).__name__}, not a torch module")
    multiply(net)
    stages = config.get("stages")
    own, behind = getattr(net, "stage_names", ()), getattr(net, "activation_names", ())
    network = Network(
        net,
        stages=own if stages is None else stages,
        activations=dict(zip(own, behind, strict=True)) if behind else None,
        head=config.get("head") or getattr(net, "head_name", None),
        mean=mean if known else getattr(net, "input_mean", mean),
        std=std if known else getattr(net, "input_std", std),
    )
    if shape:
        _try(network, str(config["_target_"]), shape, task or Classification(("",) * num_classes))
    return network


def _sizes(
    config: Mapping[str, Any], place: str, plugins: Sequence[str], shape: Shape
) -> dict[str, int]:
    """What a network is told of the samples that it is to read.

    Raises:
        ValueError: it needs rows of numbers, and there are none.
    """
    facts: dict[str, int] = {}
    if numbers := rows_shape(shape):
        facts["in_features"] = prod(numbers)
    if len(numbers) == 3:
        facts |= {"in_channels": numbers[0], "image_size": max(numbers[1:])}
    taken = parameters(locate(config.get("_target_", ""), place, plugins))
    wanted = {"in_features", "in_channels"} & taken.keys()
    if wanted and isinstance(shape, dict) and not numbers:
        raise ValueError(
            f"{config['_target_']} reads rows of numbers, and the data give only "
            f"{', '.join(shape)}: set dataset.words=true"
        )
    return facts


def offline(config: Mapping[str, Any]) -> dict[str, Any]:
    """A model's description for weights that are at hand, so that nothing is downloaded again.

    A network that was pretrained has its native stem, whatever the size of the images.
    """
    own = {key: value for key, value in config.items() if key not in FETCHING}
    if config.get("pretrained") and config.get("_target_") == "kdrun.model.timm.create":
        own.setdefault("stem", "native")
    return own


def _try(network: Network, target: str, shape: Shape, task: Task) -> None:
    try:
        logits = network.examine(blank(shape, 2))
    except (
        RuntimeError,
        TypeError,
        ValueError,
        AttributeError,
        AssertionError,
        IndexError,
    ) as error:
        reason = f"{type(error).__name__}: {error}"
        advice = advise(network.net, shape)
        raise ValueError(f"{target} fails on samples of shape {shape}{advice}: {reason}") from error
    try:
        task.check(logits, shape)
    except ValueError as error:
        raise ValueError(
            f"{target} {error}; set the arguments that size its output in the model's yaml"
        ) from error
