"""Boxes in the pictures as they were before they were brought to a network's size."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from kdrun.dataset.image import SUFFIXES
from kdrun.dataset.mask import size_of
from kdrun.dataset.whole import scaled_within
from kdrun.task.detection import Detection

if TYPE_CHECKING:
    from kdrun.batch import Batch, Outputs
    from kdrun.task import Task


class Originals:
    """The pictures that a detector is asked about, which answers in their own pixels.

    Args:
        task: with the names of the classes, and their numbers.
        path: of a picture, or of a folder of them.
        names: of the pictures below it, in their order.
    """

    def __init__(self, task: Detection, path: str, names: Sequence[str]) -> None:
        folder = Path(path)
        self.task, self.names = task, list(names)
        files = [folder / name if folder.is_dir() else folder for name in names]
        self.sizes = [size_of(str(file)) for file in files]
        self.found: list[tuple[str, Tensor]] = []

    def said(
        self, network: nn.Module, batch: Batch, names: Sequence[str], folder: Path | None
    ) -> Iterator[list[str]]:
        """As `Task.said`."""
        return self.task.answers(self.brought_back(network(batch), batch), names, folder)

    def brought_back(self, outputs: Outputs, batch: Batch) -> Outputs:
        """The boxes of a batch in pixels of its pictures, which `results` keeps.

        Args:
            outputs: of a detector.
            batch: of those pictures, brought to its size as a whole.
        """
        assert isinstance(batch.input, Tensor)
        logits = outputs.logits.cpu().clone()
        shape = (batch.input.shape[2], batch.input.shape[3])
        for row, place in enumerate(batch.index.tolist()):
            own = self.sizes[place]
            height, width = scaled_within(own, shape)
            logits[row, :, [2, 4]] = (logits[row, :, [2, 4]] * own[1] / width).clamp(0, own[1])
            logits[row, :, [3, 5]] = (logits[row, :, [3, 5]] * own[0] / height).clamp(0, own[0])
            self.found.append((self.names[place], logits[row]))
        return outputs._replace(logits=logits)

    def results(self) -> str:
        """JSON of all that was brought back: a list of COCO's results."""
        told: list[dict[str, Any]] = []
        for name, rows in self.found:
            for label, score, left, top, right, bottom in rows.tolist():
                if label < 0:
                    continue
                told.append(
                    {
                        "image_id": name,
                        "category_id": self.task.number(int(label)),
                        "bbox": [round(v, 3) for v in (left, top, right - left, bottom - top)],
                        "score": round(score, 5),
                    }
                )
        return json.dumps(told)


def originals_of(task: Task, path: str, names: Sequence[str]) -> Originals | None:
    """The pictures of a detector; None of other tasks, and of arrays, which have no other size.

    Args:
        task: of the student.
        path: of what it is asked about.
        names: of the samples.
    """
    pictures = Path(path).is_dir() or path.lower().endswith(SUFFIXES)
    return Originals(task, path, names) if isinstance(task, Detection) and pictures else None
