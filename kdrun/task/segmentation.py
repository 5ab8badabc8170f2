"""One class a pixel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.task import Doubt, Rows, Task
from kdrun.task.metrics import BESIDE_A_SEGMENTATION, SEGMENTATION, Metric
from kdrun.task.pixels import Pixels, at_size, brought_to
from kdrun.task.tally import majority

if TYPE_CHECKING:
    from pathlib import Path

    from kdrun.batch import Batch, Outputs, Shape


@dataclass(frozen=True)
class Segmentation(Task):
    """Targets are (N, H, W) int64 classes of pixels, -1 where none counts (void).

    Logits are (N, C, h, w) at any size: what is scored and written is brought to the targets' by
    bilinear interpolation. The rows that losses between logits compare are the pixels of the
    smaller of both maps, those that count.
    """

    name: ClassVar[str] = "segmentation"
    metrics: ClassVar[tuple[Metric, ...]] = SEGMENTATION
    beside: ClassVar[tuple[Metric, ...]] = BESIDE_A_SEGMENTATION
    criterion: ClassVar[str] = "miou"
    headline: ClassVar[str] = "miou"
    watched: ClassVar[tuple[str, ...]] = ("miou", "accuracy")
    named: ClassVar[bool] = True
    spatial: ClassVar[bool] = True
    uncounted: ClassVar[str] = "how many pixels count is asked of the device"

    @property
    def width(self) -> int:
        """A channel for each class."""
        return len(self.classes)

    def check(self, logits: object, shape: Shape) -> None:
        """Refuse an output that is no map of the classes."""
        size = getattr(logits, "shape", None)
        got = type(logits).__name__ if size is None else tuple(size)
        if size is None or len(size) != 4 or tuple(size[:2]) != (2, self.width):
            raise ValueError(
                f"gives {got} for two pictures of shape {shape}, needed is (2, {self.width}, h, "
                "w), a score for each class at each place: take a network for segmentation, such "
                "as student=fpn_resnet18"
            )

    def accept(self, targets: Tensor) -> None:
        """Refuse what are no classes of pixels."""
        if targets.ndim != 3 or targets.is_floating_point() or not self.classes:
            raise ValueError(
                f"segmentation is of (N, H, W) classes of pixels, and the data have "
                f"{tuple(targets.shape)}"
            )

    def known(self, targets: Tensor) -> Tensor:
        """Pictures of which some pixel counts."""
        return (targets >= 0).flatten(1).any(1)

    def count(self, targets: Tensor, labelled: bool) -> Tensor:
        """The pixels that count: the others are rows of no term."""
        return (targets >= 0).sum()

    def hidden(self, targets: Tensor) -> Tensor:
        """All -1, so that no method can read them."""
        return torch.full_like(targets, -1)

    def soft(self, targets: Tensor) -> Tensor:
        """Refused: two pictures laid over each other have no class at a place."""
        raise ValueError("augment.mixup mixes the labels of samples, not of pixels: set it to 0.")

    def present(self, targets: Tensor) -> dict[str, Any]:
        """Pictures without a pixel that counts, how many do not, and how many each class has."""
        known = targets[targets >= 0]
        counts = known.bincount(minlength=self.width).tolist()
        return {
            "unlabelled": int((~self.known(targets)).sum()),
            "void": targets.numel() - len(known),
            "pixels": dict(zip(self.classes, counts, strict=True)),
        }

    def supervised(
        self, outputs: Outputs, batch: Batch, smoothing: float = 0.0, scale: float = 1.0
    ) -> Tensor:
        """Cross-entropy, mean over the pixels that count; and what the network adds to it."""
        target = batch.target
        total = F.cross_entropy(
            brought_to(outputs.logits, target.shape[1:]),
            target,
            ignore_index=-1,
            reduction="sum",
            label_smoothing=smoothing,
        )
        mean = total / (target >= 0).sum().clamp(min=1)
        return mean if outputs.loss is None else mean + outputs.loss

    def rows(self, student: Outputs, teacher: Outputs, batch: Batch) -> Rows:
        """The pixels that count, of the smaller map; each of the sample that it is part of."""
        s, t = student.logits, teacher.logits
        size = min(s.shape[2:], t.shape[2:], key=lambda shape: shape[0] * shape[1])
        labels = at_size(batch.target, size)
        counts = (labels >= 0).flatten()
        s, t = (brought_to(x, size).permute(0, 2, 3, 1).flatten(0, 2)[counts] for x in (s, t))
        of = torch.arange(len(labels), device=labels.device)[:, None, None].expand_as(labels)
        return Rows(s, t, labels.flatten()[counts], None, of.flatten()[counts])

    def tally(self) -> Pixels:
        """A confusion matrix of pixels."""
        return Pixels(self.classes)

    def judge(self, metrics: Mapping[str, float], targets: Tensor, where: str) -> Doubt | None:
        """A teacher must be right in more pixels than one that always says the commonest class."""
        counts = targets[targets >= 0].bincount()
        what = f"the {where} pixels"
        return majority(counts, metrics["accuracy"], self.classes, what)

    def columns(self) -> list[str]:
        """The mask, a file, and the share of the pixels that each class has."""
        return ["mask", *(f"share_{name}" for name in self.classes)]

    def answers(
        self, outputs: Outputs, names: Sequence[str], folder: Path | None
    ) -> Iterator[list[str]]:
        """Masks as PNG files with a palette, and their cells.

        A file is called as its sample is, with what no file name holds written as %2F.
        """
        from urllib.parse import quote

        from kdrun.task.palette import write_mask

        if folder is None:
            raise ValueError("the answers are masks, one file each: give --out FILE.csv")
        folder.mkdir(parents=True, exist_ok=True)
        for name, mask in zip(names, outputs.logits.argmax(1).cpu(), strict=True):
            path = folder / f"{quote(name, safe=' ')}.png"
            write_mask(path, mask)
            shares = mask.flatten().bincount(minlength=self.width) / mask.numel()
            yield [f"{folder.name}/{path.name}", *(f"{share:.6f}" for share in shares.tolist())]

    def shown(self, outputs: Outputs, batch: Batch) -> Outputs:
        """Scores at the size of the pictures that the network was given."""
        assert isinstance(batch.input, Tensor)
        return outputs._replace(logits=brought_to(outputs.logits, batch.input.shape[2:]))

    def labels(self, targets: Tensor) -> list[str]:
        """None that fits a cell."""
        return [""] * len(targets)
