"""What a small student learnt, in files that people read."""

from __future__ import annotations

import logging
from pathlib import Path

from kdrun.model.features import Student
from kdrun.results.record import write_atomic
from kdrun.sample import rows_shape
from kdrun.types import Dataset

log = logging.getLogger(__name__)

SHORT = 40
"""Lines that are shown on the terminal too."""


def explain(student: Student, data: Dataset, run_dir: Path) -> None:
    """Write what a student on rows of numbers can say of itself; one on images says nothing.

    Args:
        student: a network whose inner module may have `explain(columns, classes)`, which gives
            the text of files by name.
        data: where columns without a name are called x0, x1, ...
        run_dir: where the files go.
    """
    speak = getattr(student.inner.net, "explain", None)
    shape = rows_shape(data.shape)
    if speak is None or len(shape) != 1:
        return
    columns = data.columns or tuple(f"x{i}" for i in range(shape[0]))
    for name, text in speak(columns, data.classes or ["value"]).items():
        write_atomic(run_dir / name, text)
        if text.count("\n") <= SHORT:
            log.info("%s:\n%s", name, text)
