"""Which task some data are for: as the config says, or a file of weights, or the targets' form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kdrun.config.instantiate import call
from kdrun.task.classification import Classification
from kdrun.task.form import by_form
from kdrun.task.regression import Regression

if TYPE_CHECKING:
    from kdrun.task import Task
    from kdrun.types import Dataset, Split


def of_split(split: Split) -> Task:
    """The task of a split's targets: as it says, or by their form."""
    return split.task or by_form(split.targets)


def with_task(
    data: Dataset, section: Mapping[str, Any] | None, plugins: Sequence[str] = ()
) -> Dataset:
    """Some data, for the task of a run's config instead of that which they name.

    Of a task of the same kind, what the config leaves open stays as the data say.

    Args:
        data: with a task of their own.
        section: `task` of the config; None where nobody typed it.
        plugins: packages that a `_target_` may also lie in.

    Raises:
        ValueError: it is no task, or the targets are not in its form.
    """
    if section is None:
        return data
    own = data.task.described
    known = own if own["_target_"] == section.get("_target_") else {}
    task: Task = call({**known, **section}, "task", plugins, classes=tuple(data.classes))
    task = task.reading(data.reader)
    task.accept(data.train.targets)
    source = None if data.source is None else with_task(data.source, section, plugins)
    return replace(data, task=task, source=source)


def from_header(header: Mapping[str, Any], plugins: Sequence[str] = ()) -> Task:
    """The task of a student, as its file of weights says.

    Args:
        header: of `kdrun.files.checkpoint.read_header`; an older one names its classes alone.
        plugins: packages that a `_target_` may also lie in.

    Raises:
        ValueError: it names what is no task.
    """
    classes = tuple(header["classes"])
    if section := header.get("task"):
        task: Task = call(section, "task", plugins, classes=classes)
        return task
    return Classification(classes) if classes else Regression()
