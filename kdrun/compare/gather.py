"""From what was typed (runs, sweeps, tables, patterns) to rows."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterable, Iterator, Sequence

from kdrun.compare.evaluated import OF, TABLE, evaluations
from kdrun.results.record import Record, find_records, load_record, read_results, tabulate_records
from kdrun.results.table import VERSIONS, Row, Value

log = logging.getLogger(__name__)


def gather(arguments: Sequence[str]) -> list[Row]:
    """Read the row of every run that is named, each run once. `run_dir` becomes a usable path.

    Args:
        arguments: run folders, folders of runs, folders of those, record.json files, tables
            (.csv), evaluations.csv of a run, and patterns of any of them. What holds no run is
            logged.

    Raises:
        FileNotFoundError: something does not exist, or there is no run anywhere.
        ValueError: there is none but what cannot be read.
    """
    records: list[Record] = []
    rows: list[Row] = []
    unread: list[str] = []
    empty: list[str] = []
    for path in _expand(arguments):
        before = len(records) + len(rows)
        try:
            if os.path.isdir(path):
                records += in_folder(path)
            elif os.path.basename(path) == "record.json":
                records.append(load_record(os.path.dirname(path) or "."))
            elif os.path.basename(path) == TABLE:
                rows += evaluations(path)
            elif path.endswith(".csv"):
                rows += _table(path)
        except (ValueError, OSError) as error:
            unread.append(str(error))
            continue
        if len(records) + len(rows) == before:
            empty.append(path)
    if not records and not rows:
        if unread:
            raise ValueError("; ".join(unread))
        raise FileNotFoundError(
            f"no run was found: looked for record.json in {', '.join(arguments)} and two levels "
            "below"
        )
    for path in empty:
        log.warning("%s holds no run", path)
    for told in unread:
        log.warning("left out: %s", told)
    return list(_once(_together(records, list(_once(rows)))))


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


def _together(records: Sequence[Record], rows: Sequence[Row]) -> list[Row]:
    """Rows of records and of tables in the same columns, however few settings a table names."""
    places = {os.path.abspath(record["run_dir"]) for record in records}
    behind = [None if _place(row) in places else _record(row) for row in rows]
    known = [*records, *(record for record in behind if record is not None)]
    wholes = iter(tabulate_records(known))
    found = [next(wholes) for _ in records]
    for row, record in zip(rows, behind, strict=True):
        found.append(row if record is None else _enriched(row, next(wholes)))
    _spread(found)
    return found


def _record(row: Row) -> Record | None:
    """The record of the run that a row of a table is of, if it lies where the row says."""
    if row.get("run_dir") is None:
        return None
    try:
        record = load_record(str(row["run_dir"]))
    except (ValueError, OSError):
        return None
    return record if record["run_id"] == row.get("run_id") else None


def _enriched(row: Row, whole: Row) -> Row:
    """A row of a table with what its record says of settings, versions and time."""
    told = {key: value for key, value in row.items() if value is not None and "." not in key}
    sure = ("setup", "finished", *VERSIONS)
    settled = {key: value for key, value in whole.items() if "." in key or key in sure}
    return {**row, **whole, **told, **settled}


def _spread(rows: Sequence[Row]) -> None:
    """Let rows of the same setup have the same settings; the others keep their table's name."""
    known: dict[Value, Row] = {}
    for row in rows:
        if (setup := row.get("setup")) is not None:
            row.pop("table_file", None)
            named = {key: v for key, v in row.items() if "." in key and v is not None}
            known[setup] = {**named, **known.get(setup, {})}
    for row in rows:
        settings = known.get(row.get("setup"), {})
        row |= {key: value for key, value in settings.items() if row.get(key) is None}


def _table(path: str) -> list[Row]:
    rows = read_results(path)
    for row in rows:
        row["table_file"] = path
        if row.get("run_dir") is not None:
            place = os.path.join(os.path.dirname(path), str(row["run_dir"]))
            row["run_dir"] = os.path.normpath(place)
    return rows


def _once(rows: Iterable[Row]) -> Iterator[Row]:
    """Leave out a run that came before: a sweep's table named beside its runs, say."""
    seen: set[tuple[Value, ...]] = set()
    for row in rows:
        if (place := _place(row)) is not None:
            own = (place, *map(row.get, OF))
            if own in seen:
                continue
            seen.add(own)
        yield row


def _place(row: Row) -> str | None:
    return None if row.get("run_dir") is None else os.path.abspath(str(row["run_dir"]))
