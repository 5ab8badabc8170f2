"""Settings of training and weights of terms that are out of range. Imports no torch by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kdrun.config.nearest import nearest


def faults(plain: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the numbers of a run's `train` section."""
    yield from _train(plain["train"])
    yield from _warmup(plain)


def weights(loss: Mapping[str, Any], group: str) -> Iterator[str]:
    """What is wrong with the weights of terms.

    Args:
        loss: a section with `terms` and `weights`.
        group: what it is called.
    """
    from kdrun.loss.weight import parse

    for name, weight in (loss.get("weights") or {}).items():
        if name not in loss["terms"]:
            yield f"{group}.weights.{name}: there is no such term; {nearest(name, loss['terms'])}"
        try:
            parse(weight)
        except ValueError as error:
            yield f"{group}.weights.{name}: {error}"


def _train(train: Mapping[str, Any]) -> Iterator[str]:
    from kdrun.loss.class_weights import parsed

    try:
        parsed(train["class_weights"])
    except ValueError as error:
        yield f"train.{error}"
    for key in ("batch_size", "accumulate", "devices", "nodes"):
        if train[key] < 1:
            yield f"train.{key}={train[key]}: must be at least 1"
    if not 0 <= train["ema"] < 1:
        yield f"train.ema={train['ema']}: must lie in [0, 1)"
    if not 0 <= train["label_smoothing"] < 1:
        yield f"train.label_smoothing={train['label_smoothing']}: must lie in [0, 1)"
    for key in ("epochs", "warmup_epochs"):
        if train[key] < 0:
            yield f"train.{key}={train[key]}: must not be negative"
    if train["early_stop"] is not None and train["early_stop"] < 1:
        yield f"train.early_stop={train['early_stop']}: must be at least 1, or null"


def _warmup(plain: Mapping[str, Any]) -> Iterator[str]:
    epochs = plain["train"]["warmup_epochs"]
    if epochs and str(plain["scheduler"].get("_target_")).endswith(".OneCycleLR"):
        yield (
            f"train.warmup_epochs={epochs}: one_cycle warms up by itself, over scheduler.pct_start "
            "of the training; take scheduler=cosine, say, or no warmup_epochs"
        )
