"""What a run leaves as plain files: record.json, results.csv and metrics.csv.

record.json is the truth and everything else can be rebuilt from it; `results.layout.Record` is its
layout. A results.csv is one flat row per run: `table.COLUMNS` first and always, then whatever else
was measured, then the settings that tell the runs of the table apart. An empty cell was not
measured.
"""

from __future__ import annotations

import json
import logging
import math
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from kdrun.results import glossary
from kdrun.results.layout import SCHEMA
from kdrun.results.layout import Record as Record
from kdrun.results.repeats import experiments, setup, tell_apart, versions, whole
from kdrun.results.table import COLUMNS, JOINT, TEXT, Row, Value, flatten, read_csv, to_csv
from kdrun.security import bounds
from kdrun.security.wellformed import faults, parse_json
from kdrun.task.metrics import CRITERIA, first

log = logging.getLogger(__name__)

TABLE = "results.csv"

LONGEST = 2000
"""Characters of an error in a table."""


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Let the caller write a file that appears under its final name whole or not at all.

    Yields:
        A path in the same folder to write to. It becomes `path`, durably, when the block ends, and
        is removed when the block raises; what was at `path` before then stays.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    # The new name is on disk only when its folder is. Some network file systems cannot say so.
    with suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_atomic(path: Path | str, content: str | bytes) -> None:
    """Write a whole file, or leave what was there: see `atomic`."""
    with atomic(path) as temporary:
        if isinstance(content, str):
            # A file name in an error message may hold bytes that are no UTF-8.
            content = content.encode("utf-8", errors="backslashreplace")
        temporary.write_bytes(content)


def remove_leftovers(run_dir: Path | str) -> None:
    """Delete temporary files that a killed process left. No other process may be writing there."""
    for leftover in Path(run_dir).glob(".*.tmp"):
        leftover.unlink(missing_ok=True)


def save_record(run_dir: Path | str, record: Record) -> None:
    """Write record.json and the same as the one flat row of results.csv.

    The record comes last: where it says `ok`, everything is there.
    """
    run_dir = Path(run_dir)
    glossary.learn(record)
    stored = _plain({**record, "schema": SCHEMA})
    stored.pop("run_dir", None)
    # A number that is not finite is no measurement, and `_plain` has made it text.
    metrics = stored.get("metrics", {})
    stored["metrics"] = {k: None if isinstance(v, str) else v for k, v in metrics.items()}
    write_atomic(run_dir / "results.csv", to_csv([row(cast(Record, stored))]))
    write_atomic(run_dir / "record.json", json.dumps(stored, indent=1, allow_nan=False) + "\n")


def load_record(run_dir: Path | str) -> Record:
    """Read the record of a run.

    Raises:
        FileNotFoundError: there is none.
        NotADirectoryError: this is no folder.
        ValueError: it cannot be read, is no record, or was written by a newer kdrun.
    """
    path = Path(run_dir) / "record.json"
    try:
        record = parse_json(bounds.content(path, bounds.JSON, "its objects"))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (ValueError, OSError) as error:
        told = str(error)
        told = told if told.startswith(str(path)) else f"{path} is not readable: {told}"
        raise ValueError(told) from error
    if wrong := faults(record):
        raise ValueError(f"{path} is not a record of a run: {'; '.join(wrong[:3])}")
    # When the layout changes, the step from each older schema to the next belongs here.
    if record["schema"] != SCHEMA:
        raise ValueError(
            f"{path} has schema {record['schema']!r:.40}; this kdrun reads schema {SCHEMA}. "
            "A newer kdrun wrote it, or it was edited"
        )
    record["run_dir"] = str(run_dir)
    glossary.learn(record)
    return cast(Record, record)


def row(record: Record) -> Row:
    """One flat row: every one of `COLUMNS`, then what else the record identifies or measures.

    `run_dir` is `.`: a table names its runs relative to where it lies.
    """
    flat: Row = dict.fromkeys(COLUMNS)
    flat.update(flatten(record.get("run", {})))
    flat.update(flatten(record.get("metrics", {})))
    error = " ".join((record.get("error") or "").split())
    if len(error) > LONGEST:
        error = f"{error[:LONGEST]} … (record.json has all of it)"
    flat.update(run_dir=".", run_id=record["run_id"], status=record["status"], error=error)
    flat.update(versions(record))
    flat["finished"] = record.get("finished") or None
    flat["setup"] = setup(*experiments([whole(record)]))
    flat["identity"] = record.get("identity")
    if notes := record.get("notes"):
        flat["notes"] = JOINT.join(notes)
    return flat


def score(record: Record) -> float | None:
    """How good a run is on its validation split, by the criterion of its task: of a search."""
    metrics = record.get("metrics", {})
    criterion = record.get("task", {}).get("criterion") or first(CRITERIA, metrics)
    value = metrics.get(str(criterion))
    return float(value) if isinstance(value, (int, float)) else None


def find_records(folder: Path | str) -> list[Record]:
    """Every record one level below a folder, by name. One that cannot be read is logged."""
    with os.scandir(folder) as entries:
        children = sorted(entry.path for entry in entries if entry.is_dir())
    records = []
    for child in children:
        try:
            records.append(load_record(child))
        except FileNotFoundError:
            continue  # the cache, .hydra, or a run that has not begun
        except (ValueError, OSError) as error:
            _leave_out(str(error))
    return records


@lru_cache
def _leave_out(told: str) -> None:
    """Say so once, not after each run of a sweep."""
    log.warning("left out: %s", told)


def tabulate_records(records: Sequence[Record]) -> list[Row]:
    """One row a record, with the settings that tell otherwise equal rows apart as last columns."""
    rows = [{**row(record), "run_dir": record["run_dir"]} for record in records]
    tell_apart(rows, records)
    return rows


def collect(folder: Path | str) -> list[Row]:
    """Rebuild folder/results.csv from the record.json of every run in the folder.

    The table is always rebuilt whole and replaced under a lock: of two processes that finish at
    once, whichever comes last has seen both records.
    """
    from filelock import FileLock

    folder = Path(folder)
    table = folder / TABLE
    with FileLock(folder / ".results.lock"):
        for leftover in folder.glob(f".{TABLE}.*.tmp"):  # who wrote it was killed: we hold the lock
            leftover.unlink(missing_ok=True)
        rows = tabulate_records(find_records(folder))
        for flat in rows:
            flat["run_dir"] = os.path.basename(str(flat["run_dir"]))
        write_atomic(table, to_csv(rows))
    return rows


def complete(record: Record) -> None:
    """Rebuild the table around a run that lacks its row: killed between its record and that.

    What decides is what the table holds, and never a time: clocks are set back.
    """
    run_dir = Path(record["run_dir"])
    cells = [run_dir.name, record["run_id"], record["status"]]
    table = run_dir.parent / TABLE
    text = table.read_bytes() if table.is_file() else b""
    # A table has its cells in quotes where one of them needs it.
    if all(start.encode() not in text for start in (_line(cells), _line(f'"{c}"' for c in cells))):
        collect(run_dir.parent)


def _line(cells: Iterable[str]) -> str:
    return f"\n{','.join(cells)},"


def read_results(path: Path | str) -> list[Row]:
    """Read a results.csv: numbers are numbers, text is text, and an empty cell is None.

    A method called `none` or a student called `18` stays text, as `TEXT` says; `nan` and `inf`
    are no numbers, and stay text too. A row that cannot be read is left out, and logged.

    Raises:
        ValueError: it is not a table of results.
    """
    rows = read_csv(path, TEXT, {"method", "seed"})
    for flat in rows:
        for key, value in flat.items():
            if isinstance(value, float) and not math.isfinite(value):
                flat[key] = str(value)
    return rows


def write_metrics(run_dir: Path | str, history: Sequence[Mapping[str, Value]]) -> None:
    """Write metrics.csv, a row per epoch: the epoch, then every key in the order it first came."""
    write_atomic(Path(run_dir) / "metrics.csv", to_csv(history, leading=["epoch"]))


def read_metrics(run_dir: Path | str) -> list[Row]:
    """Read metrics.csv back; an empty list where there is none yet."""
    path = Path(run_dir) / "metrics.csv"
    return read_csv(path) if path.exists() else []


def _plain(value: Any) -> Any:
    """What strict JSON can hold: a number of numpy or torch becomes Python's, inf becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, (str, int)) else str(value)
