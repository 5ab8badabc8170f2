"""The plain data that every part of kdrun speaks: batches, outputs, splits and datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from kdrun.task import Task

Input = Tensor | dict[str, Tensor]

Shape = tuple[int, ...] | dict[str, tuple[int, ...]]
"""Of one sample: (C, H, W), (D,), or one for each tensor by name."""

T = TypeVar("T")


def map_input(change: Callable[[Tensor], T], given: Input) -> T | dict[str, T]:
    """The same for a tensor, or for each of several by name.

    Args:
        change: of a tensor; what it gives need not be one.
        given: a tensor, or a dict of them.
    """
    if isinstance(given, dict):
        return {key: change(value) for key, value in given.items()}
    return change(given)


class Batch(NamedTuple):
    """Some samples of one split.

    Attributes:
        input: (N, C, H, W) images in [0, 1], (N, D) rows, or a dict of tensors. Of texts, `x` are
            (N, D) rows of TF-IDF, `input_ids` and `attention_mask` (N, L) tokens; where there are
            several tokenizers, these follow the name of theirs and a slash.
        target: (N,) class indices, (N, C) class probabilities after mixup, or (N,) float values in
            regression. An unlabelled sample has the class -1.
        index: (N,) position of each sample in its split.
        source: beside a batch of the target domain, one of the source; None without.
    """

    input: Input
    target: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which no batch needs
    source: Batch | None = None

    def to(self, device: torch.device | str) -> Batch:
        """Move every tensor to `device`, without waiting for the copy."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        return self.map(move)

    def map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """The same with every tensor changed, those of the source too."""
        source = None if self.source is None else self.source.map(change)
        moved = map_input(change, self.input)
        return Batch(moved, change(self.target), change(self.index), source)


class Outputs(NamedTuple):
    """What a student or a teacher says of a batch. Only what somebody asked for is filled.

    Attributes:
        logits: (N, C) class scores before softmax, float32; (N, 1) in regression.
        embedding: (N, D) input of the classifier head.
        features: outputs of the stages, shallow to deep, each (N, C, H, W) or, for token
            sequences, (N, L, D). Of texts, which are padded to one length, the L = 8 means of equal
            parts of each: no padding is among them, and texts of any tokenizer can be compared.
        preactivations: the same stages before their last activation function, or before the one
            behind them where a network names it; another stage that does not end in one stands
            here as it is.
        attentions: attention probabilities of the stages' last block, each (N, heads, L, L).
        tokens: of texts, what `features` are the means of, padding included, each (N, L, D).
        ids: of texts, (N, L), which token stands where; with `tokens`, as is the next.
        mask: of texts, (N, L): 1 for a token, 0 for padding.
        weight: (N,) how much each answer counts, 0 for none; None where all count alike.
        members: of an ensemble, the outputs of each who answered.
    """

    logits: Tensor
    embedding: Tensor | None = None
    features: tuple[Tensor, ...] = ()
    preactivations: tuple[Tensor, ...] = ()
    attentions: tuple[Tensor, ...] = ()
    tokens: tuple[Tensor, ...] = ()
    ids: Tensor | None = None
    mask: Tensor | None = None
    weight: Tensor | None = None
    members: tuple[Outputs, ...] = ()

    def map(self, change: Callable[[Tensor], Tensor]) -> Outputs:
        """The same with every tensor changed, those of members too."""

        def all_of(fields: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return tuple(change(field) for field in fields)

        return Outputs(
            change(self.logits),
            None if self.embedding is None else change(self.embedding),
            all_of(self.features),
            all_of(self.preactivations),
            all_of(self.attentions),
            all_of(self.tokens),
            None if self.ids is None else change(self.ids),
            None if self.mask is None else change(self.mask),
            None if self.weight is None else change(self.weight),
            tuple(member.map(change) for member in self.members),
        )


class Loader(Protocol):
    """Batches of one split. Epoch k is always the same batches, whoever asks and whenever."""

    targets: Tensor
    """(N,) every target of the split, by `Batch.index`."""

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        ...

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, on the training device."""
        ...


@dataclass(frozen=True)
class Arrays:
    """A split that lies in memory.

    Attributes:
        inputs: (N, C, H, W) uint8 images or (N, D) float32 rows, or a dict of such tensors.
        targets: (N,) int64 classes, float32 values, or (N, …) as its task has them.
        ids: what the samples are called, whatever is cut away; None: their positions.
        groups: (N,) numbers of the groups that no cut takes apart; None: each sample by itself.
        marks: (N,) int64 digests of the samples as they were read, where what `inputs` make of them
            depends on the training samples; None: `inputs` tell them apart.
        task: what the targets are; None: one class a sample or one value, by their form.
    """

    inputs: Input
    targets: Tensor
    ids: list[str] | None = None
    groups: Tensor | None = None
    marks: Tensor | None = None
    task: Task | None = None

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Files:
    """A split of image files that are decoded as they are needed.

    Attributes:
        paths: N image files.
        targets: (N,) int64 classes.
        image_size: height and width to which each image is brought.
        background: the colour on which transparent pixels are put.
        ids: what the samples are called, whatever is cut away; None: FOLDER/FILE.
        task: as in `Arrays`.
    """

    paths: list[str]
    targets: Tensor
    image_size: int
    background: str = "white"
    ids: list[str] | None = None
    task: Task | None = None

    def __len__(self) -> int:
        return len(self.paths)


Split = Arrays | Files


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test data of one task.

    Attributes:
        train: what the student learns from.
        val: cut from the training data for model selection; None with `val_fraction=0`.
        test: read once, at the end.
        classes: the name of each class; empty where there are none.
        shape: of one sample.
        mean: per channel, on the scale of `Batch.input`; empty where inputs are not images.
        std: likewise.
        source: the domain that knowledge comes from, with splits of its own; None without one.
            All that is beside it here is then of the target domain.
        domain: the name of the domain; empty where there is only one.
        columns: what the D numbers of a row are called; empty where they have no names.
        reader: what turns a file of new rows or texts into inputs, as a `_target_` and its plain
            arguments; of images, their `background` where it is not white. None where inputs are
            as they were read.
        notes: what was assumed, left out or replaced when the data were read: a sentence each, told
            once.
        warnings: what is likely to be wrong with them, likewise.
        task: what is to be predicted; None: what the training split says.
    """

    train: Split
    val: Split | None
    test: Split
    classes: list[str]
    shape: Shape
    mean: tuple[float, ...] = field(default=())
    std: tuple[float, ...] = field(default=())
    source: Dataset | None = None
    domain: str = ""
    columns: tuple[str, ...] = ()
    reader: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    task: Task = None  # type: ignore[assignment]  # never None once it is made

    def __post_init__(self) -> None:
        if not self.task:
            from kdrun.task.choose import of_split

            object.__setattr__(self, "task", of_split(self.train).over(self.classes))
