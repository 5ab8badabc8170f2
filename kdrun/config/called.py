"""The parts of a run that are called, by their place in its config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kdrun.config.instantiate import faults, without
from kdrun.config.schema import DATASET_OWN, folder

MODEL_FACTS = ("num_classes", "classes", "in_channels", "in_features", "image_size")
"""What a model's `_target_` is told by the run, if its signature names it."""

TEACHER_FACTS = ("data", "val_loader", "augment", "whole", "device", "members")
"""What a teacher's `_target_` is told likewise."""

LOGGER_FACTS = ("run_dir", "experiment")
"""What a tracker is told by the run, if its signature names it."""


def targets(plain: Mapping[str, Any], uses: list[str]) -> Iterator[str]:
    """Each part of a run that is called, with the arguments that run.py passes by itself."""
    from kdrun.method import OWN

    plugins = plain["plugins"]

    def check(
        section: Mapping[str, Any], place: str, where: str, facts: tuple[str, ...] = ()
    ) -> list[str]:
        return faults(section, place, where, plugins, facts)

    own = without(plain["dataset"], *DATASET_OWN)
    yield from check(own, "dataset", "dataset")
    if plain.get("task"):
        yield from check(plain["task"], "task", "task", ("classes",))
    augment = {
        "_target_": "kdrun.dataset.augment.Augment",
        **(plain["dataset"].get("augment") or {}),
    }
    yield from check(augment, "augment", "dataset.augment")
    facts = ("student", "teacher", "peers", "objective", "strategy")
    yield from check(without(plain["method"], *OWN), "method", "method", facts)
    if "transfer" in uses:
        if plain["transfer"].get("_target_"):
            section = without(plain["transfer"], "name")
            yield from check(section, "transfer", "transfer", ("cache",))
        elif "teacher" not in uses:  # beside a teacher, the student may begin as it was built
            known = sorted(path.stem for path in (folder() / "transfer").glob("*.yaml"))
            names = ", ".join(name for name in known if name != "none")
            yield f"method={plain['method']['name']} needs transfer=NAME, one of {names}"
    yield from check(plain["optimizer"], "optimizer", "optimizer", ("params",))
    yield from check(plain["scheduler"], "scheduler", "scheduler", ("optimizer", "total_steps"))
    for where, role in roles(plain, uses):
        if model := role.get("model"):
            own = without(model, "stages", "head")
            yield from check(own, "model", f"{where}.model", MODEL_FACTS)
        else:
            yield from check(without(role, "name", "members"), "teacher", where, TEACHER_FACTS)
        recipe = role.get("recipe") or {}
        told: dict[str, tuple[str, ...]] = {
            "optimizer": ("params",),
            "scheduler": ("optimizer", "total_steps"),
        }
        for part in told:
            if recipe.get(part):
                yield from check(recipe[part], part, f"{where}.recipe.{part}", told[part])
    if "loss" in uses:
        for name, term in plain["loss"]["terms"].items():
            yield from check(term, "loss", f"loss.terms.{name}")
    for name, logger in (plain.get("logger") or {}).items():
        yield from check(logger, "logger", f"logger.{name}", LOGGER_FACTS)


def roles(plain: Mapping[str, Any], uses: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every role by its place: the student, its peers, the teacher and those it is made of."""
    method = plain["method"]
    waiting = [("student", plain["student"])]
    if "transfer" in uses and plain["student"].get("model"):
        waiting += [("source_model", {**plain["student"], **plain["source_model"]})]
    waiting += [("teacher", plain["teacher"])] if "teacher" in uses else []
    waiting += [("method.assistant", method["assistant"])] if "assistant" in method else []
    waiting += [(f"method.peers.{n}", role) for n, role in (method.get("peers") or {}).items()]
    while waiting:
        where, role = waiting.pop(0)
        yield where, role
        members = role.get("members") or {}
        waiting += [(f"{where}.members.{name}", own) for name, own in members.items()]
        waiting += [(f"{where}.teacher", role["teacher"])] if role.get("teacher") else []
