"""`kdrun report`: runs as one page to open, send and print."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from kdrun.compare import add_question, chosen, named, selection
from kdrun.results.table import COLUMNS
from kdrun.terminal.printable import printable

DESCRIPTION = """\
Write one HTML file about runs: tables to sort, curves over epochs, means with their intervals, what
accuracy costs, what the settings do, every run with its files, every failure. The numbers are those
of kdrun compare. The page needs no network and nothing else beside it.
"""

EXAMPLES = """\
examples:
  kdrun report outputs/default
  kdrun report outputs/default --baseline method=supervised --out for_lucy.html
  kdrun report outputs/a outputs/b/*kd* --metric test_f1,latency_ms --where 'epochs >= 20'
"""


def main(arguments: list[str]) -> int:
    """Write a report; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        path = write(options, shlex.join(["kdrun", "report", *arguments]))
    except (ValueError, OSError) as error:
        print(f"kdrun report: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    print(path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kdrun report",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_question(parser)
    parser.add_argument(
        "--out", type=Path, help="default: report.html in the one folder named, or here"
    )
    return parser


def write(options: argparse.Namespace, command: str) -> Path:
    """Read the runs and write the page, which names its command; returns its path.

    Raises:
        ValueError: a column, condition or baseline does not exist, or runs are not comparable.
        OSError: something cannot be read or written.
    """
    from kdrun.compare.gather import gather
    from kdrun.report.content import content
    from kdrun.report.page import page
    from kdrun.results.record import write_atomic

    path = options.out or _default_path(options.runs)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"--out {path}: there is no folder {path.parent}")
    rows = gather(options.runs)
    columns = dict.fromkeys([*COLUMNS, *(key for row in rows for key in row)])
    by, over = named(options.by, columns), named(options.over, columns)
    metrics = named(options.metric, columns)
    if options.where:
        rows = chosen(rows, options.where, columns)
    baseline = selection(options.baseline, columns) if options.baseline else {}
    told = content(rows, metrics, by, over, baseline, path.parent)
    told["command"] = command
    write_atomic(path, page(_title(options.runs), told))
    return path


def _default_path(runs: list[str]) -> Path:
    alone = len(runs) == 1 and os.path.isdir(runs[0])
    return Path(runs[0] if alone else ".") / "report.html"


def _title(runs: list[str]) -> str:
    names = [os.path.basename(os.path.abspath(run)) for run in runs]
    return ", ".join(names[:3]) + ", …" * (len(names) > 3)
