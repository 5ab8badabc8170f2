"""Labelled data that a student was not trained on, in its own classes and its own shape."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from kdrun.config.nearest import nearest
from kdrun.dataset.arrays import read_npz, require, to_inputs, to_labels, to_names
from kdrun.dataset.image import SUFFIXES
from kdrun.dataset.split import sample_ids, select
from kdrun.dataset.walk import folders, image_files, left_out, spelled
from kdrun.evaluate.reads import Labelled, Reads, in_shape, joined, known
from kdrun.types import Arrays, Dataset, Files

if TYPE_CHECKING:
    from kdrun.dataset.asked import Asked


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
    parts = [known(one.test, one.classes, reads, one.domain or "the data") for one in sides]
    kept = [in_shape(part, reads) for part in parts]
    domains = [
        side.domain for side, part in zip(sides, kept, strict=True) for _ in range(len(part))
    ]
    return Labelled(joined(kept), domains if len(sides) > 1 else None)


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
    told = f"there is no {place} (a dataset by its name is dataset=NAME)"
    return f"{told}; {nearest(place.name, beside)}" if beside else told


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
    labelled = reads.task.known(split.targets)
    homes = [name for name, one in zip(names, labelled.tolist(), strict=True) if one]
    return Labelled(select(split, labelled.nonzero().squeeze(1)), homes if domain else None)


def _folder(place: Path, reads: Reads) -> Labelled:
    """Images as PLACE/CLASS/…, PLACE/DOMAIN/CLASS/… or PLACE/test/CLASS/…."""
    names = folders(place)
    if "test" in names and "test" not in reads.classes:
        place = place / "test"
        reads.tell(f"of the folder, {place} is evaluated")
        names = folders(place)
    if not names:
        raise ValueError(f"{place} holds no folders: put the images of each class into one.")
    own = {*reads.classes}
    below = {name: [spelled(one) for one in folders(place / name)] for name in names}
    by_domain = not own & {*map(spelled, names)} and any(own & {*ones} for ones in below.values())
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
    part = in_shape(known(whole, classes, reads, str(place)), reads)
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
        part = known(split, classes, reads, str(path))
        domains += [homes[int(name)] for name in sample_ids(part)]
        parts.append(in_shape(part, reads))
    return Labelled(joined(parts), domains if len({*domains}) > 1 else None)
