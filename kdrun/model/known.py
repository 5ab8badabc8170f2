"""What is known of weights from elsewhere: what was said in the config, then what the file says.

What nobody says is assumed to be as in the data, and that is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kdrun.config.schema import OPTIONS as OPTIONS
from kdrun.files.archive import Archive
from kdrun.sample import rows_shape
from kdrun.types import Dataset

CLASSES = (
    *("classes", "CLASSES", "class_names", "classnames", "label_names", "names", "labels"),
    *("class_to_idx", "label2id", "idx_to_class", "id2label"),
)
MEANS = ("mean", "img_mean", "image_mean", "norm_mean", "pixel_mean")
STDS = ("std", "img_std", "image_std", "norm_std", "pixel_std")


class Known(NamedTuple):
    """Of a network whose weights are from elsewhere.

    Attributes:
        header: `classes`, `mean`, `std` and `unit`, as in a file that kdrun wrote; a key that
            nobody told of is not there.
        told: where each is from, or what is assumed instead.
    """

    header: dict[str, Any]
    told: list[str]


def known(role: Mapping[str, Any], archive: Archive, data: Dataset) -> Known:
    """Put together what is known.

    Args:
        role: of the network, with some of `OPTIONS`.
        archive: the file of weights.
        data: what it is to work on.

    Raises:
        ValueError: an option is malformed, or does not fit the data.
    """
    header, told = given(role, data), []
    wanted = data.classes
    if wanted and "classes" not in header and role.get("head") not in ("new", "none"):
        names = next((n for m in archive.mappings() if (n := names_in(m))), None)
        if names and all(name.startswith("LABEL_") for name in names):
            names = None
        if names:
            header["classes"] = names
            told.append(f"its {len(names)} classes are named in the file")
        else:
            told.append("its classes are taken for the data's, in this order (classes=... says)")
    if not wanted and "unit" not in header:
        header["unit"] = (0.0, 1.0)
        told.append("its values are taken to be in the data's unit (unit=[MEAN,STD] says)")
    if data.mean and "mean" not in header:
        pixels = next((p for m in archive.mappings() if (p := _pixels(m, len(data.mean)))), None)
        if pixels is not None:
            header["mean"], header["std"] = pixels
            told.append(f"its pixels are normalised as the file says, mean {_short(pixels[0])}")
        else:
            mean, std = _short(data.mean), _short(data.std)
            told.append(
                f"its pixels are normalised as the data's, mean {mean}, std {std} (mean=, std= say)"
            )
    return Known(header, told)


def given(role: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
    """What the config says of a network, in the terms of a header.

    Raises:
        ValueError: it is malformed, or does not fit the data.
    """
    header: dict[str, Any] = {}
    if role.get("classes") is not None:
        if not data.task.named:
            raise ValueError("classes=...: the data have values, not classes")
        header["classes"] = read_names(role["classes"])
    if role.get("unit") is not None:
        unit = _numbers("unit", role["unit"], 2)
        if data.task.named or unit[1] <= 0:
            raise ValueError(f"unit={role['unit']}: give [MEAN,STD] of a regression's values")
        header["unit"] = unit
    mean, std = role.get("mean"), role.get("std")
    if mean is None and std is None:
        return header
    if len(rows_shape(data.shape)) != 3:
        raise ValueError("mean and std are of images, and these data are none")
    if mean is None or std is None:
        raise ValueError("give both mean and std, on the scale of pixels from 0 to 1")
    channels = rows_shape(data.shape)[0]
    header["mean"] = _numbers("mean", mean, channels)
    header["std"] = _numbers("std", std, channels)
    if max(map(abs, header["mean"])) > 1.5:
        raise ValueError(
            f"mean={mean}: pixels are numbers from 0 to 1 here; divide mean and std by 255"
        )
    if min(header["std"]) <= 0:
        raise ValueError(f"std={std}: must be above 0")
    return header


def _numbers(key: str, value: Any, count: int) -> list[float]:
    """A number for each channel, from one for all or a list."""
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count or any(
        isinstance(v, bool) or not isinstance(v, (int, float)) for v in values
    ):
        raise ValueError(f"{key}={value}: give {count} numbers, or one for all")
    return [float(v) for v in values]


def read_names(value: str | Sequence[object]) -> list[str]:
    """Names of classes in the order of a network's outputs.

    Args:
        value: a list of them, or the path of a file: a name a line, or JSON: a list, or an object
            from names to numbers or from numbers to names.

    Raises:
        ValueError: there is no such file, it holds no names, or a name stands twice.
    """
    if isinstance(value, str):
        path = Path(value)
        if not path.is_file():
            raise ValueError(
                f"classes={value}: there is no such file; give [NAME,NAME,...] or a file with a "
                "name a line"
            )
        try:
            text = path.read_text(encoding="utf-8-sig")
            found = json.loads(text) if path.suffix == ".json" else text.splitlines()
        except ValueError as error:
            raise ValueError(f"classes={value}: {error}") from error
        names = _listed(found) if path.suffix == ".json" else [line.strip() for line in found]
        while names and not names[-1]:
            names.pop()
    else:
        names = [str(name) for name in value]
    if not names:
        raise ValueError(f"classes={value}: it names no classes")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"classes={value}: '{twice}' stands there twice")
    return names


def names_in(settings: Mapping[str, Any]) -> list[str] | None:
    """Names of classes among what a file says; None where there are none."""
    return next((n for key in CLASSES if (n := _listed(settings.get(key)))), None)


def _listed(value: Any) -> list[str]:
    """Names from a list, or from a mapping between names and numbers; empty if it is neither."""
    if isinstance(value, Mapping):
        pairs = [(k, v[-1] if isinstance(v, list) and v else v) for k, v in value.items()]
        if all(isinstance(v, int) for _, v in pairs):
            pairs = [(v, k) for k, v in pairs]
        if not all(str(k).isdigit() and isinstance(v, str) for k, v in pairs):
            return []
        places = {int(k): v for k, v in pairs}
        return (
            [places[i] for i in range(len(places))]
            if sorted(places) == [*range(len(places))]
            else []
        )
    if isinstance(value, (list, tuple)) and all(isinstance(v, (str, int)) for v in value):
        return [str(v) for v in value] if any(isinstance(v, str) for v in value) else []
    return []


def _pixels(settings: Mapping[str, Any], channels: int) -> tuple[list[float], list[float]] | None:
    """Mean and deviation per channel among what a file says, on the scale 0 to 1."""
    for mean, std in zip(MEANS, STDS, strict=True):
        try:
            m, s = (_numbers(key, settings[key], channels) for key in (mean, std))
        except (KeyError, ValueError):
            continue
        if min(s) <= 0:
            continue
        scale = 255.0 if max(map(abs, m)) > 1.5 else 1.0
        return [v / scale for v in m], [v / scale for v in s]
    return None


def _short(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def faults(role: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with these keys of a role as far as one can see without any data."""
    if role.get("head") not in (None, "keep", "new", "none"):
        yield f"head={role['head']}: must be keep, new, or none of a teacher"
    elif role.get("head") in ("new", "none") and not (role.get("checkpoint") or role.get("begin")):
        yield f"head={role['head']} keeps the rest of a checkpoint: give checkpoint=FILE too"
    if role.get("stem") not in (None, "auto", "small", "native"):
        yield f"stem={role['stem']}: must be small or native"
    if role.get("classes") is not None:
        try:
            read_names(role["classes"])
        except ValueError as error:
            yield str(error)
