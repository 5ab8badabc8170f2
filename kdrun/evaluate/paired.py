"""Whether a student finds the partner of each sample: recall at k between two files or folders."""

from __future__ import annotations

from collections.abc import Callable
from os.path import splitext

import torch

from kdrun.dataset.asked import Asked
from kdrun.dataset.digest import digest
from kdrun.dataset.loader import make_loader
from kdrun.dataset.split import select
from kdrun.evaluate.reads import Reads
from kdrun.evaluate.scored import Line, who
from kdrun.model.features import Student
from kdrun.predict.command import read_new
from kdrun.score.intervals import wilson
from kdrun.score.probe import embedded
from kdrun.score.retrieval import metrics, ranks, recalls
from kdrun.types import Split

METRICS = (
    *metrics("recall", "the partner is among"),
    *metrics("recall_back", "from the second to the first: the partner is among"),
)


def paired(
    run: str,
    network: Student,
    sides: tuple[str, str],
    reads: Reads,
    asked: Asked,
    batch_size: int,
    device: torch.device,
    tell: Callable[[str], None],
) -> Line:
    """Recall at k from each sample to its partner, among all partners, and back.

    Args:
        run: its folder or file.
        network: from `Batch` to `Outputs`.
        sides: two files or folders of what the student reads: the same text in two languages, the
            same thing from two sides.
        reads: what the student reads.
        asked: of tables or texts.
        batch_size: samples at a time.
        device: where the network is.
        tell: what is done with a sentence about the data.

    Raises:
        ValueError: they cannot be read, or are no pairs; the student has no embedding.
        FileNotFoundError: there is none.
    """
    asked = asked._replace(classes=reads.classes, tell=tell)
    (names, left), (others, right) = (
        read_new(side, reads.shape, reads.reader, reads.plugins, asked) for side in sides
    )
    right = select(right, partners(names, others, sides, tell))

    def embed(split: Split) -> torch.Tensor:
        loader = make_loader(split, batch_size, seed=0, train=False, device=device)
        return embedded(network, loader)[0]

    here, there = embed(left), embed(right)
    pair = torch.arange(len(here))
    found = ranks(here, pair, there, pair), ranks(there, pair, here, pair)
    values = recalls("recall", found[0]) | recalls("recall_back", found[1])
    ends = {key: wilson(value, len(pair)) for key, value in values.items()}
    told = (*who(run), f"{sides[0]} --pairs {sides[1]}")
    both = digest(left) + digest(right)
    return Line(*told, "", len(pair), both, values, ends, METRICS)


def partners(
    names: list[str], others: list[str], sides: tuple[str, str], tell: Callable[[str], None]
) -> torch.Tensor:
    """(N,) where the partner of each sample is: of the same name, else in the same place.

    Args:
        names: of the samples; how a file ends does not count.
        others: of those among which the partners are.
        sides: where both were read, for messages.
        tell: what is done with a sentence on how they were paired.

    Raises:
        ValueError: there are not as many, or too few to be told apart.
    """
    if len(names) != len(others):
        raise ValueError(
            f"{sides[0]} has {len(names):,} samples and {sides[1]} {len(others):,}: each needs one "
            "partner, of the same name or in the same place"
        )
    if len(names) < 2:
        raise ValueError(f"{sides[0]} has one sample: there is nothing to be found among")
    here, there = ([splitext(name)[0] for name in side] for side in (names, others))
    place = {name: at for at, name in enumerate(there)}
    if len(place) == len(there) and {*here} == {*there}:
        tell(f"{len(here):,} pairs, by their names")
        return torch.tensor([place[name] for name in here])
    tell(f"{len(here):,} pairs, by their order: names differ")
    return torch.arange(len(here))
