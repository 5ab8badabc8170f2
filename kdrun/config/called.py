"""The parts of a run that are called: one list, which validation walks and building takes from.

What stands in the config and is no argument, and what a part is told by the run beside its
arguments, is written here and nowhere else. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kdrun.config import instantiate
from kdrun.config.instantiate import without
from kdrun.config.schema import DATASET_OWN, KEPT, folder

Plain = Mapping[str, Any]

FACTS: dict[str, tuple[str, ...]] = {
    "dataset": ("fold",),
    "task": ("classes",),
    "augment": (),
    "method": ("student", "teacher", "peers", "objective", "strategy", "seed"),
    "transfer": ("cache", "seed"),
    "optimizer": ("params",),
    "scheduler": ("optimizer", "total_steps"),
    "model": ("num_classes", "classes", "in_channels", "in_features", "image_size", "tensors"),
    "teacher": ("data", "val_loader", "augment", "whole", "device", "members"),
    "loss": ("class_weights",),
    "logger": ("run_dir", "experiment"),
}
"""By place, what a `_target_` is told by the run, if its signature names it."""

OWN: dict[str, tuple[str, ...]] = {
    "dataset": DATASET_OWN,
    "method": ("name", "uses", "domain", "select", "assistant", "peers", "adapt"),
    "transfer": ("name",),
    "model": ("stages", "head"),
    "teacher": ("name", "members", *KEPT),
}
"""By place, the keys of a section that are no arguments of its `_target_`."""


@dataclass(frozen=True)
class Called:
    """A section of a config whose `_target_` is called.

    Attributes:
        where: in the config, with dots.
        place: of `kdrun.security.places`, a key of `FACTS`.
        section: `_target_` and its arguments, as plain containers.
        plugins: packages that a `_target_` may also lie in.
    """

    where: str
    place: str
    section: Plain
    plugins: tuple[str, ...] = ()

    def __call__(self, **facts: Any) -> Any:
        """Call it.

        Args:
            facts: of its place; those that the callable names in its signature, and that the config
                does not set, are passed.

        Raises:
            ValueError: as `kdrun.config.instantiate.call`, and whatever the callable objects to.
        """
        assert facts.keys() <= {*FACTS[self.place]}, f"{self.place} is not told {[*facts]}"
        return instantiate.call(self.section, self.place, self.plugins, **facts)

    def faults(self) -> list[str]:
        """Everything that would go wrong in a call, told before anything is called."""
        facts = FACTS[self.place]
        return instantiate.faults(self.section, self.place, self.where, self.plugins, facts)

    @property
    def target(self) -> Callable[..., Any]:
        """The class or function that is called."""
        return instantiate.locate(self.section["_target_"], self.place, self.plugins)

    def having(self, **settings: Any) -> Called:
        """The same with other arguments."""
        return replace(self, section={**self.section, **settings})


def part(place: str, where: str, section: Plain, plain: Plain) -> Called:
    """The part that a section of a run's config describes.

    Args:
        place: a key of `FACTS`.
        where: in the config.
        section: with keys of its own, which are left out.
        plain: the config as plain containers.
    """
    return Called(where, place, without(section, *OWN.get(place, ())), tuple(plain["plugins"]))


def at_root(place: str, plain: Plain) -> Called:
    """A part that stands in the config where it is called: dataset, task, method and so on."""
    return part(place, place, plain[place], plain)


def augment(plain: Plain) -> Called:
    """The augmentation of a run, which has no `_target_` of its own."""
    section = {
        "_target_": "kdrun.dataset.augment.Augment",
        **(plain["dataset"].get("augment") or {}),
    }
    return part("augment", "dataset.augment", section, plain)


def strategy(plain: Plain) -> Called | None:
    """The strategy of a run; None where its method has none, or none was chosen."""
    if "transfer" not in plain["method"]["uses"] or not plain["transfer"].get("_target_"):
        return None
    return at_root("transfer", plain)


def terms(plain: Plain) -> dict[str, Called]:
    """The terms of a run's loss by name; that of the labels where its method reads no other."""
    found: Plain = plain["loss"]["terms"]
    wanted = found if "loss" in plain["method"]["uses"] else ["ce"]
    return {name: part("loss", f"loss.terms.{name}", found[name], plain) for name in wanted}


def of_role(where: str, role: Plain, plain: Plain) -> Called:
    """What makes the network of a role, or a teacher that is none."""
    if role.get("model"):
        return part("model", f"{where}.model", role["model"], plain)
    return part("teacher", where, role, plain)


def recipe(where: str, role: Plain, plain: Plain) -> Iterator[Called]:
    """What a teacher is trained by, where that differs from the student."""
    for place in ("optimizer", "scheduler"):
        if section := (role.get("recipe") or {}).get(place):
            yield part(place, f"{where}.recipe.{place}", section, plain)


def loggers(plain: Plain) -> dict[str, Called]:
    """The trackers of a run by name."""
    section = plain.get("logger") or {}
    return {name: part("logger", f"logger.{name}", own, plain) for name, own in section.items()}


def parts(plain: Plain) -> Iterator[Called]:
    """Each part of a run, in the order in which its faults are told."""
    yield at_root("dataset", plain)
    if plain.get("task"):
        yield at_root("task", plain)
    yield augment(plain)
    yield at_root("method", plain)
    if (found := strategy(plain)) is not None:
        yield found
    yield at_root("optimizer", plain)
    yield at_root("scheduler", plain)
    for where, role in roles(plain):
        yield of_role(where, role, plain)
        yield from recipe(where, role, plain)
    yield from terms(plain).values()
    yield from loggers(plain).values()


def faults(plain: Plain) -> Iterator[str]:
    """What is wrong with the parts of a run, or missing among them."""
    for found in parts(plain):
        yield from found.faults()
    uses = plain["method"]["uses"]
    # Beside a teacher, the student may begin as it was built.
    if "transfer" in uses and "teacher" not in uses and strategy(plain) is None:
        known = sorted(path.stem for path in (folder() / "transfer").glob("*.yaml"))
        names = ", ".join(name for name in known if name != "none")
        yield f"method={plain['method']['name']} needs transfer=NAME, one of {names}"


def roles(plain: Plain) -> Iterator[tuple[str, Plain]]:
    """Every role by its place: the student, its peers, the teacher and those it is made of."""
    method, uses = plain["method"], plain["method"]["uses"]
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
