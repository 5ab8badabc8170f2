"""What was read of the data: counts for the record, a paragraph and warnings for who is waiting."""

from __future__ import annotations

import logging
import shutil
import textwrap
from collections.abc import Iterator
from typing import Any

from kdrun.task import Task
from kdrun.types import Dataset, Split

log = logging.getLogger(__name__)

FEW = 10
"""Up to so many classes, the paragraph counts each."""

SMALL = 100
"""A test split of fewer samples measures in steps of more than a point."""

IMBALANCE = 10
"""So many times as many samples of one class as of another make accuracy a poor measure."""

Summary = dict[str, Any]


def summarise(data: Dataset) -> Summary:
    """How many samples of each class are in each split, and what a reader had to say.

    Returns:
        Plain values for JSON: `train`, `val` and `test`, each with `samples`, how many are
        `unlabelled` and, by name, `classes`; `notes` and `warnings`; `source`, the same of it.
    """
    found: Summary = {"domain": data.domain} if data.domain else {}
    parts = {"train": data.train, "val": data.val, "test": data.test}
    found |= {name: _counted(part, data.task) for name, part in parts.items() if part}
    found |= {"notes": list(data.notes), "warnings": [*data.warnings, *_warnings(found)]}
    if data.source is not None:
        found["source"] = summarise(data.source)
    return found


def tell(summary: Summary, command: str | None = None) -> None:
    """Log the paragraph, in the width of the terminal, and each warning.

    Args:
        summary: of the data.
        command: that the run belongs to. What was said to a terminal for an earlier run of it goes
            only into files.
    """
    width = shutil.get_terminal_size().columns
    wrapper = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    said = [(logging.INFO, paragraph(summary))]
    for part in (summary, summary.get("source", {"warnings": []})):
        said += [(logging.WARNING, f"data: {warning}") for warning in part["warnings"]]
    for level, text in said:
        if command is not None and _is_known(command, text):
            _write(level, wrapper.fill(text))
        else:
            log.log(level, "%s", wrapper.fill(text))


_told: dict[str, set[str]] = {}


def _is_known(command: str, text: str) -> bool:
    """Whether something was said before for the same command, the last one of this process."""
    if command not in _told:
        _told.clear()
    before = _told.setdefault(command, set())
    known = text in before
    before.add(text)
    return known


def _write(level: int, text: str) -> None:
    """Log something where it is kept, and not where it is read along."""
    record = log.makeRecord(log.name, level, __file__, 0, "%s", (text,), None)
    for handler in logging.root.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)


def paragraph(summary: Summary) -> str:
    """What was read, in a few sentences."""
    said = [_sentence("data", summary)]
    if "source" in summary:
        said.append(_sentence("source", summary["source"]))
    notes = [*summary["notes"], *summary.get("source", {"notes": []})["notes"]]
    said += [note.rstrip(".") + "." for note in dict.fromkeys(notes)]
    return " ".join(said)


def _counted(split: Split, task: Task) -> Summary:
    return {"samples": len(split), **task.present(split.targets)}


def _sentence(what: str, summary: Summary) -> str:
    """`data: 90 samples to train on, 10 for validation, 20 to test on; 2 classes: cat 45, ...`."""
    uses = {"train": "to train on", "val": "for validation", "test": "to test on"}
    sizes = [f"{summary[p]['samples']:,} {use}" for p, use in uses.items() if p in summary]
    name = f"{what} {summary['domain']}" if "domain" in summary else what
    text = f"{name}: {', '.join(sizes)}"
    if "val" not in summary:
        text += ", none for validation"
    counts = summary["train"].get("classes")
    if counts:
        text += f"; {len(counts)} classes"
        labelled = sum(counts.values())
        if summary["train"]["unlabelled"]:
            text += f", {labelled:,} training samples with a label"
        if labelled and len(counts) <= FEW:
            text += f", to train on {', '.join(f'{name} {n:,}' for name, n in counts.items())}"
        elif labelled:
            text += f" of {min(counts.values()):,} to {max(counts.values()):,} training samples"
    return f"{text}."


def _warnings(found: Summary) -> Iterator[str]:
    where = f" of {found['domain']}" if "domain" in found else ""
    total, absent = 0, dict[tuple[str, ...], list[str]]()
    for name, use in (("train", "training"), ("val", "validation"), ("test", "test")):
        counts = found.get(name, {}).get("classes", {})
        lacking = tuple(label for label, count in counts.items() if not count)
        if lacking and len(lacking) < len(counts):
            total = len(counts)
            absent.setdefault(lacking, []).append(use)
    for names, uses in absent.items():
        splits = " and ".join(filter(None, [", ".join(uses[:-1]), uses[-1]]))
        yield (
            f"{len(names)} of {total} classes have no labelled sample in the {splits} "
            f"split{'s' * (len(uses) > 1)}{where}: {_few(list(names))}"
        )
    counts = found["train"].get("classes", {})
    if single := [label for label, count in counts.items() if count == 1]:
        yield f"one training sample{where} is all there is of {_few(single)}"
    several = {label: count for label, count in counts.items() if count > 1}
    if several:
        most, least = max(several, key=several.__getitem__), min(several, key=several.__getitem__)
        if several[most] >= IMBALANCE * several[least]:
            yield (
                f"{several[most]:,} training samples{where} are {most}, {several[least]:,} are "
                f"{least}: accuracy says little of the rare, look at test_f1"
            )
    size = found["test"]["samples"]
    if size < SMALL:
        yield f"the test split{where} has {size} samples: each is {100 / size:.2g} % of the score"


def _few(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
