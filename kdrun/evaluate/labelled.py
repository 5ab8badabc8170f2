"""Labelled data that a student was not trained on, in its own classes and its own shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from kdrun.config.nearest import nearest
from kdrun.dataset.arrays import read_npz, require, to_inputs, to_labels, to_names
from kdrun.dataset.image import SUFFIXES, Fit
from kdrun.dataset.inputs import fitted, resized
from kdrun.dataset.split import sample_ids, select
from kdrun.dataset.walk import folders, image_files, left_out, spelled
from kdrun.types import Arrays, Dataset, Files, Shape, Split

if TYPE_CHECKING:
    from kdrun.dataset.asked import Asked
    from kdrun.task import Task


class Reads(NamedTuple):
    """What a student reads and tells.

    Attributes:
        shape: of a sample.
        reader: of new files: `Dataset.reader`.
        task: with the student's classes.
        plugins: packages that a `_target_` may lie in.
        known_only: whether samples of classes that it does not know are left out.
        tell: what is done with each sentence about the data.
    """

    shape: Shape
    reader: Mapping[str, Any] | None
    task: Task
    plugins: Sequence[str]
    known_only: bool
    tell: Callable[[str], None]

    @property
    def classes(self) -> tuple[str, ...]:
        """What its answers are called; empty where they are values."""
        return self.task.classes


class Labelled(NamedTuple):
    """Samples whose labels are the student's classes.

    Attributes:
        split: all of them; no label is unknown.
        domains: of each sample; None where there is only one.
    """

    split: Split
    domains: list[str] | None


def of_dataset(data: Dataset, reads: Reads) -> Labelled:
    """The test split of a dataset, and that of its source beside it.

    Raises:
        ValueError: its classes or its samples are others than the student's.
    """
    if reads.reader and "_target_" in reads.reader:
        raise ValueError(
            "the student reads tables or texts as its own file says, not as a dataset does: give "
            "the path of a file with a column of labels"
        )
    if reads.task.boxed:
        from kdrun.evaluate.boxed import of_boxes

        return of_boxes(data, reads)
    sides = [one for one in (data.source, data) if one is not None]
    parts = [_known(one.test, one.classes, reads, one.domain or "the data") for one in sides]
    kept = [in_shape(part, reads) for part in parts]
    domains = [
        side.domain for side, part in zip(sides, kept, strict=True) for _ in range(len(part))
    ]
    return Labelled(_joined(kept), domains if len(sides) > 1 else None)


def of_path(path: str, reads: Reads, asked: Asked, domain: str | None) -> Labelled:
    """A folder of images, an .npz file, a table or texts.

    Args:
        path: a folder with one of images for each class, of each domain or under `test/`; an .npz
            file with `x_test` and `y_test`, or `x` and `y`, perhaps `classes` and `domain`, the
            name of each sample's domain, or with `x_NAME` and `y_NAME` of several domains; a table
            or texts as for `kdrun predict`.
        reads: what the student reads.
        asked: of a table or texts, with the column of labels.
        domain: the column of a table or texts that names each row's domain.

    Raises:
        ValueError: the data cannot be read, or their classes or samples are others than the
            student's.
        FileNotFoundError: there are none.
    """
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(_nowhere(place))
    pictures = place.is_dir() or path.lower().endswith((".npz", *SUFFIXES))
    if reads.reader and "_target_" in reads.reader and not pictures:
        return _rows(path, reads, asked, domain)
    if asked.labels or domain:
        raise ValueError(f"{path} has no columns: --labels and --domain are of tables and texts")
    if place.is_dir():
        return _folder(place, reads)
    if place.suffix.lower() == ".npz":
        return _arrays(place, reads)
    raise ValueError(
        f"{path} says no labels: give a folder with one of images for each class, an .npz file "
        "with x_test and y_test, or the words of a dataset, dataset=npz dataset.path=..."
    )


def _nowhere(place: Path) -> str:
    """What to say of a path that does not exist."""
    from kdrun.config.catalogue import choices
    from kdrun.config.schema import folder

    named = choices("dataset", [folder()])
    if str(place) in named:
        return f"there is no {place}; the dataset of this name is dataset={place}"
    beside = [one.name for one in place.parent.iterdir()] if place.parent.is_dir() else []
    hint = f"; {nearest(place.name, beside)}" if beside else ""
    return f"there is no {place}{hint} A dataset by its name is dataset=NAME".replace("? A", "? A")


def _rows(path: str, reads: Reads, asked: Asked, domain: str | None) -> Labelled:
    from kdrun.predict.command import read_new

    written = (reads.reader or {}).get("written") or {}
    apart = [str(name) for name in written.get("apart") or ()]
    if asked.labels is None:
        likely = apart[0] if len(apart) == 1 else None
        if likely is None:
            told = f", one of {', '.join(apart)}" if apart else ""
            raise ValueError(f"{path}: which column has the labels? Give --labels COLUMN{told}")
        reads.tell(f"the labels are in the column '{likely}'")
        asked = asked._replace(labels=likely)
    asked = asked._replace(classes=reads.classes, ids=domain, tell=reads.tell)
    names, split = read_new(path, reads.shape, reads.reader, reads.plugins, asked)
    known = reads.task.known(split.targets)
    homes = [name for name, one in zip(names, known.tolist(), strict=True) if one]
    return Labelled(select(split, known.nonzero().squeeze(1)), homes if domain else None)


def _folder(place: Path, reads: Reads) -> Labelled:
    """Images as PLACE/CLASS/…, PLACE/DOMAIN/CLASS/… or PLACE/test/CLASS/…."""
    names = folders(place)
    if "test" in names and "test" not in reads.classes:
        place = place / "test"
        reads.tell(f"of the folder, {place} is evaluated")
        names = folders(place)
    if not names:
        raise ValueError(f"{place} holds no folders: put the images of each class into one.")
    known = {*reads.classes}
    below = {name: [spelled(one) for one in folders(place / name)] for name in names}
    by_domain = not known & {*map(spelled, names)} and any(
        known & {*ones} for ones in below.values()
    )
    homes = {name: place / name for name in names} if by_domain else {"": place}
    paths: list[str] = []
    labels: list[str] = []
    domains: list[str] = []
    left = Counter[str]()
    for home, at in homes.items():
        for name in folders(at):
            found = image_files(at / name, left)
            paths += found
            labels += [spelled(name)] * len(found)
            domains += [home] * len(found)
    if told := left_out(left, str(place)):
        reads.tell(told)
    if not paths:
        raise ValueError(f"{place} holds no images ({', '.join(SUFFIXES)})")
    classes = sorted({*labels})
    numbers = {name: number for number, name in enumerate(classes)}
    targets = torch.tensor([numbers[name] for name in labels])
    ids = [spelled(Path(path).relative_to(place).as_posix()) for path in paths]
    side = reads.shape[-1] if isinstance(reads.shape, tuple) else 1
    whole = Files(paths, targets, side, ids=ids)
    part = in_shape(_known(whole, classes, reads, str(place)), reads)
    at_home = dict(zip(ids, domains, strict=True))
    homes_of = [at_home[name] for name in sample_ids(part)]
    return Labelled(part, homes_of if by_domain else None)


def _arrays(path: Path, reads: Reads) -> Labelled:
    """The samples of an .npz file."""
    arrays = read_npz(path)
    own = next(((x, y) for x, y in (("x_test", "y_test"), ("x", "y")) if x in arrays), None)
    pairs = {"": own} if own else {}
    if own is None:
        ends = [name[2:] for name in arrays if name.startswith("x_") and f"y_{name[2:]}" in arrays]
        pairs = {end: (f"x_{end}", f"y_{end}") for end in ends if end not in ("train", "val")}
    if not pairs:
        raise ValueError(
            f"{path} holds {', '.join(sorted(arrays)) or 'nothing'}: give x_test and y_test, or x "
            "and y, or x_NAME and y_NAME of each domain"
        )
    classes = to_names(arrays["classes"], "classes") if "classes" in arrays else None
    parts, domains = [], []
    for home, names in pairs.items():
        x, y = (require(arrays, name, path) for name in names)
        named = reads.task.named
        targets = to_labels(y, names[1]) if named else torch.from_numpy(y).float()
        inputs = to_inputs(x, names[0])
        if len(inputs) != len(targets):
            raise ValueError(f"{names[0]} has {len(inputs)} samples and {names[1]} {len(targets)}")
        homes = [home] * len(targets)
        if home == "" and "domain" in arrays:
            homes = [str(name) for name in arrays["domain"].reshape(-1).tolist()]
            if len(homes) != len(targets):
                raise ValueError(
                    f"{path}: domain has {len(homes)} names for {len(targets)} samples"
                )
        split = Arrays(inputs, targets, [str(n) for n in range(len(targets))])
        part = _known(split, classes, reads, str(path))
        domains += [homes[int(name)] for name in sample_ids(part)]
        parts.append(in_shape(part, reads))
    return Labelled(_joined(parts), domains if len({*domains}) > 1 else None)


def _known(split: Split, names: Sequence[str] | None, reads: Reads, where: str) -> Split:
    """The labelled samples of a split, with the student's classes in the place of its own.

    Args:
        split: with classes of its own.
        names: what they are called; None where they are the positions of the student's.
        reads: what the student tells.
        where: the data, for messages.

    Raises:
        ValueError: one of them is none of the student's.
    """
    task, targets = reads.task, split.targets
    if task.named != (names is None or len(names) > 0):
        raise ValueError(
            f"{where}: the student's task is {task.name}, and these labels are another's"
        )
    if task.named:
        own = list(reads.classes)
        given = own if names is None else list(names)
        number = torch.tensor([own.index(name) if name in own else -1 for name in given])
        strange = [
            one
            for one in targets[targets >= 0].unique().tolist()
            if one >= len(given) or number[one] < 0
        ]
        if strange and not reads.known_only:
            odd = given[strange[0]] if strange[0] < len(given) else str(strange[0])
            raise ValueError(
                f"{where}: the class '{odd}' is none that the student knows; {nearest(odd, own)} "
                "--known-only leaves out samples of other classes"
            )
        inside = (targets >= 0) & (targets < len(given))
        targets = torch.where(inside, number[targets.clamp(0, len(given) - 1)], -1)
    known = task.known(targets).nonzero().squeeze(1)
    if len(known) == 0:
        raise ValueError(f"{where}: no sample has a label that the student knows")
    if (lost := len(targets) - len(known)) > 0:
        reads.tell(f"{where}: {lost:,} samples without a label that is known are left out")
    return select(replace(split, targets=targets, task=None), known)


def in_shape(split: Split, reads: Reads) -> Split:
    """A split whose samples are as the student reads them: pictures are resized.

    Raises:
        ValueError: they cannot be.
    """
    shape = reads.shape
    if isinstance(split, Files):
        if isinstance(shape, dict) or len(shape) != 3:
            raise ValueError(
                f"the student reads samples of the shape {shape}, and these are images"
            )
        return fitted(split, shape, Fit.of(reads.reader))
    inputs = split.inputs
    given = None if isinstance(inputs, dict) else tuple(inputs.shape[1:])
    if given is None or isinstance(shape, dict):
        if given is None and isinstance(shape, dict):
            return split
        raise ValueError(f"the student reads samples of the shape {shape}, and these are {given}")
    if given == shape:
        return split
    if len(given) != 3 or len(shape) != 3:
        raise ValueError(f"the student reads samples of the shape {shape}, and these have {given}")
    reads.tell(f"pictures of {_size(given)} are brought to the student's {_size(shape)}")
    assert isinstance(inputs, Tensor)
    return replace(split, inputs=resized(inputs, shape))


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[2]}" + (" in colour" if shape[0] == 3 else " in grey")


def _joined(parts: Sequence[Split]) -> Split:
    """Splits one after the other."""
    if len(parts) == 1:
        return parts[0]
    targets = torch.cat([part.targets for part in parts])
    ids = [name for part in parts for name in sample_ids(part)]
    if all(isinstance(part, Files) for part in parts):
        files = [part for part in parts if isinstance(part, Files)]
        paths = [path for part in files for path in part.paths]
        return replace(files[0], paths=paths, targets=targets, ids=ids)
    arrays = [part for part in parts if isinstance(part, Arrays)]
    inputs = [part.inputs for part in arrays]
    joined: Any
    if isinstance(inputs[0], dict):
        joined = {key: torch.cat([one[key] for one in inputs]) for key in inputs[0]}  # type: ignore[index]
    else:
        joined = torch.cat([one for one in inputs if isinstance(one, Tensor)])
    return Arrays(joined, targets, ids, task=arrays[0].task)
