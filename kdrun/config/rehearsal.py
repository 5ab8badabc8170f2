"""Parts that can be made from their settings alone are made once, to hear what they object to.

A negative rate or temperature is then told before anything is read, trained or written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kdrun.config import called
from kdrun.config.called import Called

STEPS = 1000
"""Of an imagined training."""


def objections(plain: Mapping[str, Any], roles: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the parts of a run say against their settings.

    Args:
        plain: the run's config as plain containers, of which every `_target_` can be called.
        roles: of its networks, by their place in the config.
    """
    import torch

    with torch.random.fork_rng(devices=[]):  # some parts draw weights
        return [*_trained(plain), *_recipes(plain, roles), *_compared(plain)]


def _heard(where: str, make: Callable[[], Any]) -> Iterator[str]:
    try:
        make()
    except (ValueError, ZeroDivisionError) as error:
        yield f"{where}: {error}"
    except Exception:  # no objection to a setting: it comes again where the run can tell it whole
        return


def _trained(plain: Mapping[str, Any]) -> Iterator[str]:
    """The optimizer with its schedule, and the augmentation."""
    rates = [*_heard(*_optimizer("optimizer", called.at_root("optimizer", plain)))]
    yield from rates
    if not rates:
        yield from _heard("scheduler", lambda: _stepped(plain))
    augment = called.augment(plain)
    yield from _heard(augment.where, augment)


def _optimizer(where: str, part: Called) -> tuple[str, Callable[[], Any]]:
    import torch

    params = [torch.nn.Parameter(torch.zeros(1))]
    rate = part.section.get("lr")
    return where if rate is None else f"{where}.lr={rate}", lambda: part(params=params)


def _stepped(plain: Mapping[str, Any]) -> None:
    """One step of a schedule, where some first divide by what they were given."""
    optimizer = _optimizer("", called.at_root("optimizer", plain))[1]()
    schedule = called.at_root("scheduler", plain)(optimizer=optimizer, total_steps=STEPS)
    optimizer.step()
    schedule.step()


def _recipes(plain: Mapping[str, Any], roles: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """How teachers are trained, where that differs from the student."""
    for where, role in roles.items():
        recipe = role.get("recipe") or {}
        for key, least in (("epochs", 0), ("batch_size", 1)):
            if recipe.get(key) is not None and recipe[key] < least:
                yield f"{where}.recipe.{key}={recipe[key]}: must be at least {least}"
        section = dict(recipe.get("optimizer") or plain["optimizer"])
        if recipe.get("lr") is not None:
            section["lr"] = recipe["lr"]
        if section != plain["optimizer"]:
            part = called.part("optimizer", f"{where}.recipe", section, plain)
            yield from _heard(*_optimizer(part.where, part))


def _compared(plain: Mapping[str, Any]) -> Iterator[str]:
    """The terms of the loss and how they are weighed in each epoch, and the strategy."""
    from kdrun.loss.weight import parse

    if "loss" in plain["method"]["uses"]:
        terms, epochs = called.terms(plain), plain["train"]["epochs"]
        weights = {name: parse(weight) for name, weight in plain["loss"]["weights"].items()}
        for name in weights:
            yield from _heard(terms[name].where, terms[name])
        for epoch in range(epochs):
            if not any(weight.counts(epoch) for weight in weights.values()):
                yield f"loss.weights: in epoch {epoch + 1} no term counts; give one a weight there"
                break
    if (strategy := called.strategy(plain)) is not None:
        yield from _heard(
            strategy.where, partial(strategy, cache=Path(plain["cache"]), seed=plain["seed"])
        )
