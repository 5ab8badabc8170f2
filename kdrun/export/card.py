"""The model card that comes with every export: what it is, reads and says, and how it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kdrun.export.student import Exported
from kdrun.results.record import load_record

MANY = 20
"""Classes that are named; of more, the first ones."""


def card(student: Exported, library: str) -> str:
    """The card as Markdown, with the heading that model hubs read.

    Args:
        student: that is exported.
        library: what reads the file.
    """
    return "\n".join([*_lines(student, library), ""])


def _lines(student: Exported, library: str) -> Iterator[str]:
    yield from ("---", f"library_name: {library}", "tags: [knowledge-distillation]", "---", "")
    yield f"# {student.header['name']}"
    yield ""
    yield from _use(student)
    record = _record(student)
    if not record:
        yield "A student of kdrun; nothing is known of its run."
        return
    run, config = _part(record, "run"), _part(record, "config")
    yield "Trained by kdrun."
    yield ""
    uses = _part(config, "method").get("uses") or []
    for name, value in (
        ("data", run.get("dataset")),
        ("method", run.get("method")),
        ("teacher", run.get("teacher") if "teacher" in uses else None),
        ("loss", run.get("loss") if "loss" in uses else "labels"),
        ("seed", config.get("seed")),
    ):
        if value is not None:
            yield f"- {name}: {value}"
    yield ""
    yield from _measured(record, bool(student.head))
    if command := _part(record, "runtime").get("command"):
        yield from (f"    {line}" for line in str(command).splitlines())
        yield ""
    yield (
        "What it must not be used for, and under which licence, whoever publishes it has to say: "
        "its data are known here by name only."
    )
    yield ""
    versions = _part(record, "versions")
    yield ", ".join(f"{name} {version}" for name, version in versions.items())


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of a record, which somebody may have sent without it."""
    found = record.get(name)
    return found if isinstance(found, dict) else {}


def _use(student: Exported) -> Iterator[str]:
    """What goes in and comes out."""
    facts, classes = student.metadata, student.header["classes"]
    yield f"- reads: {facts.get('input', '')}"
    yield f"- tensors that it reads: {', '.join(student.inputs)}"
    yield f"- says: {facts.get('output', '')}"
    yield f"- a raw file is brought to that: {facts.get('from_a_file', 'as it is')}"
    if classes and not student.head:
        more = f", ... ({len(classes)} in all)" if len(classes) > MANY else ""
        yield f"- classes, in this order: {', '.join(classes[:MANY])}{more}"
    yield ""


def _measured(record: Mapping[str, Any], headless: bool) -> Iterator[str]:
    """The metrics of the run; of a head that is left behind they say nothing."""
    metrics, columns = _part(record, "metrics"), _part(_part(record, "task"), "columns")
    rows = [name for name in columns if isinstance(metrics.get(name), int | float)]
    if rows and not headless:
        yield from ("| measured on the test split | |", "| --- | --- |")
        for name in rows:
            share = _part(columns, name).get("unit") == "%"
            value = f"{100 * metrics[name]:.2f} %" if share else f"{metrics[name]:.4g}"
            yield f"| {name} | {value} |"
        yield ""
    notes = record.get("notes")
    for note in notes if isinstance(notes, list) else ():
        yield f"- note: {' '.join(str(note).split())}"
    if notes:
        yield ""


def _record(student: Exported) -> dict[str, Any]:
    """The record beside the weights; empty without one."""
    if student.file is None:
        return {}
    try:
        return dict(load_record(student.file.parent))
    except (ValueError, OSError):
        return {}
