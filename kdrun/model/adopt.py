"""A network of the config with the weights of a file, whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from kdrun.files.archive import Archive, read_archive
from kdrun.files.checkpoint import read_header, weights_file
from kdrun.model import offline, weights
from kdrun.model.bounded import as_described
from kdrun.model.features import Network
from kdrun.model.foreign import Found, State, find, flatten
from kdrun.model.known import given, known
from kdrun.sample import rows_shape
from kdrun.types import Dataset

Role = Mapping[str, Any]
Build = Callable[[Role, Mapping[str, Any]], Network]

TIMM = "kdrun.model.timm.create"


class Adopted(NamedTuple):
    """A network, and what is to be known of it.

    Attributes:
        network: with its weights.
        classes: of its logits.
        told: what was found, chosen and assumed, in one sentence; empty for a file that says all.
    """

    network: Network
    classes: list[str]
    told: str


def adopt(role: Role, path: Path | str, build: Build, data: Dataset, own: bool = False) -> Adopted:
    """Build the network of a role, and fill it.

    Args:
        role: its model, and `kdrun.model.known.OPTIONS`.
        path: the folder of a run, or a file of weights.
        build: an untrained network from a role and what a header says.
        data: what it is to work on.
        own: whether its classes have to be the data's: a student's, of which the classifier's rows
            are then those of the same names.

    Raises:
        ValueError: the file is none, or does not fit; the message says what to do.
        FileNotFoundError: it does not exist.
    """
    header = read_header(path)
    if header:
        role = {**role, "model": _as_written(role["model"], header["model"])}
        header |= given(role, data)
        if not own or (header["classes"] == data.classes and role.get("head") != "new"):
            with as_described(weights_file(path), (), within=False):
                network = build(role, header)
            weights.load(network, path)
            return Adopted(network, header["classes"], "")
    file = weights_file(path)
    archive = read_archive(file)
    told: list[str] = []
    if not header:
        header, told = known(role, archive, data)
    problems = []
    for stem in _stems(role, header, data):
        model = role["model"] if stem is None else {**role["model"], "stem": stem}
        facts = {k: v for k, v in header.items() if not own or k != "classes"}
        with as_described(file, (), within=False) if "model" in header else nullcontext():
            network = build({**role, "model": model}, facts)
        try:
            found = _fill(network, archive, role, header.get("classes"), data, own)
        except ValueError as error:
            problems.append(str(error))
            continue
        if stem and not role.get("stem"):
            told.append(f"its stem is the {stem} one (stem=small or native says)")
        if not (role.get("mean") or data.mean == ()) and hasattr(network.net, "input_mean"):
            told.append("its pixels are normalised as those of the pretrained network")
        classes = data.classes if own else header.get("classes", data.classes)
        sentence = f"weights of {path}: {'; '.join([*found.told, *told])}"
        return Adopted(network, classes, sentence)
    raise ValueError(f"{path}: {problems[-1]}")


def _as_written(model: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """The model of the config as its file describes it: the arguments of the same function."""
    if (model.get("_target_"), model.get("name")) != (written["_target_"], written.get("name")):
        return dict(model)
    return offline(written)


def _stems(role: Role, header: Mapping[str, Any], data: Dataset) -> list[str | None]:
    """Which stems to try: timm's own first, with which weights from elsewhere were trained."""
    model, numbers = role["model"], rows_shape(data.shape)
    if model.get("_target_") != TIMM:
        if role.get("stem"):
            raise ValueError(f"stem={role['stem']}: only networks of timm have two; leave it out")
        return [None]
    if role.get("stem"):
        return [role["stem"]]
    undecided = "model" not in header and model.get("stem", "auto") == "auto"
    return ["native", "small"] if undecided and max(numbers[1:], default=0) <= 64 else [None]


def _fill(
    network: Network,
    archive: Archive,
    role: Role,
    classes: list[str] | None,
    data: Dataset,
    own: bool,
) -> Found:
    """Give a network the tensors of a file that are its own."""
    new = role.get("head") in ("new", "none")
    if new and network.head is None:
        raise ValueError(
            f"head={role['head']}: which module classifies? Write `head: NAME` in the model's yaml"
        )
    left_out = network.head if new else None
    tensors = flatten(archive)
    try:
        found = find(tensors, network.net, role.get("weights"), left_out)
    except ValueError as error:
        raise ValueError(f"{error}{_advice(tensors, role, network)}") from error
    if own and classes and not new and classes != data.classes:
        _choose_rows(found.weights, network, classes, data.classes)
    state = network.net.state_dict()
    wrong = [name for name, value in found.weights.items() if value.shape != state[name].shape]
    if wrong:
        raise ValueError(_mismatch(wrong, found.weights, state, network))
    network.net.load_state_dict(found.weights, strict=False)
    told = [f"{len(found.weights)} tensors", *found.told]
    return Found(found.weights, [*told, *_classifier(role)])


def _classifier(role: Role) -> list[str]:
    told = {"new": "the classifier is a new one", "none": "without a classifier"}
    return [told[role["head"]]] if role.get("head") in told else []


def _advice(tensors: State, role: Role, network: Network) -> str:
    """What helps where only the classifier is not there."""
    if role.get("head") in ("new", "none") or network.head is None:
        return ""
    try:
        find(tensors, network.net, role.get("weights"), network.head)
    except ValueError:
        return ""
    return "; all but the classifier is there, and head=new trains a new one"


def _choose_rows(
    found: dict[str, Tensor], network: Network, classes: list[str], wanted: list[str]
) -> None:
    """Bring a classifier's rows into the order of the data's classes."""
    if missing := [name for name in wanted if name not in classes]:
        raise ValueError(
            f"it does not know the class {missing[0]}: head=new trains a new classifier"
        )
    rows = [classes.index(name) for name in wanted]
    for name in (f"{network.head}.weight", f"{network.head}.bias"):
        if name in found and len(found[name]) == len(classes):
            found[name] = found[name][rows]


def _mismatch(
    wrong: list[str], found: Mapping[str, Tensor], own: Mapping[str, Tensor], network: Network
) -> str:
    """Why tensors of the right names do not fit."""
    name = wrong[0]
    if network.head and all(key.startswith(f"{network.head}.") for key in wrong):
        return (
            f"its classifier knows {len(found[name])} classes, and {len(own[name])} are asked for: "
            "classes=FILE names those it knows, head=new keeps the rest and trains a new classifier"
        )
    shapes = f"{tuple(found[name].shape)} where {tuple(own[name].shape)} is needed"
    return (
        f"{len(wrong)} tensors are of another shape than this {type(network.net).__name__}'s, "
        f"such as {name}, {shapes}"
    )
