"""The plain data that every part of kdrun speaks: batches, outputs, splits and datasets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

from kdrun.batch import Batch as Batch
from kdrun.batch import Input as Input
from kdrun.batch import Outputs as Outputs
from kdrun.batch import Shape as Shape
from kdrun.batch import map_input as map_input

if TYPE_CHECKING:
    from kdrun.task import Task


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
        crop_pct: how much of the picture's middle is kept, as `kdrun.dataset.image.Fit` has it.
        interpolation: bilinear or bicubic.
        groups: as in `Arrays`.
    """

    paths: list[str]
    targets: Tensor
    image_size: int
    background: str = "white"
    ids: list[str] | None = None
    task: Task | None = None
    crop_pct: float = 1.0
    interpolation: str = "bilinear"
    groups: Tensor | None = None

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
            from kdrun.task.form import by_form

            task = self.train.task or by_form(self.train.targets)
            object.__setattr__(self, "task", task.over(self.classes))
