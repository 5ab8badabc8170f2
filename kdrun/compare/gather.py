"""From what was typed (runs, sweeps, tables, patterns) to rows."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterable, Iterator, Sequence

from kdrun.results import Record, find_records, load_record, read_results, tabulate_records
from kdrun.table import Row

log = logging.getLogger(__name__)


def gather(arguments: Sequence[str]) -> list[Row]:
    """Read the row of every run that is named, each run once. `run_dir` becomes a usable path.

    Args:
        arguments: run folders, folders of runs, folders of those, record.json files, tables
            (.csv), and patterns of any of them. What holds no run is logged.

    Raises:
        FileNotFoundError: something does not exist, or there is no run anywhere.
        ValueError: there is none but what cannot be read.
    """
    records: list[Record] = []
    rows: list[Row] = []
    unread: list[str] = []
    for path in _expand(arguments):
        before = len(records) + len(rows)
        try:
            if os.path.isdir(path):
                records += in_folder(path)
            elif os.path.basename(path) == "record.json":
                records.append(load_record(os.path.dirname(path) or "."))
            elif path.endswith(".csv"):
                rows += _table(path)
        except (ValueError, OSError) as error:
            unread.append(str(error))
            continue
        if len(records) + len(rows) == before:
            log.warning("%s holds no run", path)
    if not records and not rows:
        if unread:
            raise ValueError("; ".join(unread))
        raise FileNotFoundError(
            f"no run was found: looked for record.json in {', '.join(arguments)} and two levels "
            "below"
        )
    for told in unread:
        log.warning("left out: %s", told)
    return list(_once([*tabulate_records(records), *rows]))


def in_folder(path: str) -> list[Record]:
    """The records of a run's folder, else of a sweep's, else of a folder of sweeps."""
    if os.path.exists(os.path.join(path, "record.json")):
        return [load_record(path)]
    if records := find_records(path):
        return records
    children = sorted(entry.path for entry in os.scandir(path) if entry.is_dir())
    return [record for child in children for record in find_records(child)]


def _expand(arguments: Sequence[str]) -> Iterator[str]:
    for argument in arguments:
        matches = [argument] if os.path.exists(argument) else sorted(glob.glob(argument))
        if not matches:
            raise FileNotFoundError(f"'{argument}' neither exists nor matches as a pattern")
        yield from matches


def _table(path: str) -> list[Row]:
    rows = read_results(path)
    for row in rows:
        if row.get("run_dir") is not None:
            place = os.path.join(os.path.dirname(path), str(row["run_dir"]))
            row["run_dir"] = os.path.normpath(place)
    return rows


def _once(rows: Iterable[Row]) -> Iterator[Row]:
    """Leave out a run that came before: a sweep's table named beside its runs, say."""
    seen: set[str] = set()
    for row in rows:
        if row.get("run_dir") is not None:
            place = os.path.abspath(str(row["run_dir"]))
            if place in seen:
                continue
            seen.add(place)
        yield row
