"""`kdrun compare`: which of these runs are better, and by more than chance."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kdrun.callable import callable_package
from kdrun.compare import present
from kdrun.config.instantiate import nearest
from kdrun.results.glossary import headline, is_share
from kdrun.results.table import COLUMNS, TEXT, Row, parse
from kdrun.security.safe_cells import add_option, safe_cells
from kdrun.terminal.narrow import terminal_width
from kdrun.terminal.printable import printable

if TYPE_CHECKING:
    from kdrun.compare.comparison import Comparison

DESCRIPTION = """\
Average runs that differ only in their seed, and compare the groups. Everything else that differs
tells groups apart. Runs that are not comparable are never averaged.
"""

EXAMPLES = """\
examples:
  kdrun compare outputs/default
  kdrun compare outputs/default --baseline loss=kd
  kdrun compare outputs/a outputs/b/*kd* --where 'dataset == "digits" and epochs >= 20'
  kdrun compare outputs/default --pivot student loss --format latex
  kdrun compare outputs/default --metric test_accuracy,latency_ms --pareto latency_ms --plot p.png
"""


def main(arguments: list[str]) -> int:
    """Compare runs; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        text, notes = _compare(options)
        if options.out:
            from kdrun.results.record import write_atomic

            write_atomic(options.out, text + "\n")
            print(options.out)
        else:
            print(text)
    except (ValueError, OSError) as error:
        print(f"kdrun compare: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    if notes:
        print(notes, file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kdrun compare",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_question(parser)
    add = parser.add_argument
    add("--pareto", metavar="COLUMN", help="mark the groups no other beats at the same cost")
    add("--pivot", nargs=2, metavar=("ROW", "COLUMN"), help="a cell for each pair of values")
    add("--sort", default="", help="a column, -column for falling; otherwise the best comes first")
    add("--format", choices=present.FORMATS, default="table", help="default: %(default)s")
    add("--all-columns", action="store_true", help="however wide the table becomes")
    add_option(parser)
    add("--out", type=Path, help="write there instead of to the terminal")
    add(
        "--plot",
        type=Path,
        metavar="PNG",
        help="draw the groups, against the --pareto or the second --pivot column",
    )
    return parser


def add_question(parser: argparse.ArgumentParser) -> None:
    """Add what says which runs are compared, and how."""
    add = parser.add_argument
    add("runs", nargs="+", help="folders of runs or sweeps, tables (.csv), patterns")
    add("--metric", default="", help="columns to sum up, with commas; the first is compared")
    add("--by", default="", help="columns to group by, instead of all that differ")
    add("--over", default="", help="columns to average over on purpose, besides seed and fold")
    add("--where", default="", help="only runs that meet this condition: epochs >= 20")
    add("--baseline", default="", help="hold each group against the one with this: loss=kd")


def _compare(options: argparse.Namespace) -> tuple[str, str]:
    """The answer, and what is to be said beside it where it has no place for that."""
    from kdrun.compare.comparison import compare, hold_against
    from kdrun.compare.front import mark_front
    from kdrun.compare.gather import gather

    if options.pivot and (options.baseline or options.pareto):
        raise ValueError("--pivot shows means only: leave out --baseline and --pareto")
    rows = gather(options.runs)
    columns = dict.fromkeys([*COLUMNS, *(key for row in rows for key in row)])
    by = named(options.by, columns) or _known(options.pivot or [], columns)
    over = named(options.over, columns)
    metrics = named(options.metric, columns) or default_metrics(rows)
    if options.pareto:
        metrics += _known({options.pareto} - {*metrics}, columns)
    if options.where:
        rows = chosen(rows, options.where, columns)
    comparison = compare(rows, metrics, by, over)
    if options.baseline:
        hold_against(comparison, selection(options.baseline, columns))
    if options.pareto:
        mark_front(comparison, options.pareto)
    present.sort(comparison, options.sort)
    if options.plot:
        _plot(comparison, options.pareto, options.pivot, options.plot)
    width = None if options.all_columns or options.out else terminal_width()
    text, notes = present.present(comparison, options.format, options.pivot, width)
    if options.safe_cells and options.format == "csv":
        text = safe_cells(text).rstrip("\n")
    return text, notes


def _plot(
    comparison: Comparison, cost: str | None, pivot: Sequence[str] | None, path: Path
) -> None:
    from kdrun.compare.groups import shown
    from kdrun.results import plots

    metric = comparison.metrics[0]
    scale = 100 if is_share(metric) else 1
    over = pivot[1] if pivot else None
    if over and any(not isinstance(line.group.by[over], (int, float)) for line in comparison.lines):
        raise ValueError(f"--plot draws lines over the column of --pivot, and {over} is no number")
    points = []
    series: dict[str, list[plots.Point]] = {}
    for line in comparison.lines:
        mean = scale * (line.mean[metric] or 0.0)
        low, high = (scale * bound for bound in line.interval) if line.interval else (mean, mean)
        others = [shown(value) for key, value in line.group.by.items() if key != over]
        name = " ".join(others) or "all"
        price = line.mean[cost] if cost else None
        if over:
            price = float(line.group.by[over] or 0)
        points.append(plots.Point(name, mean, low, high, price, bool(line.on_front)))
        series.setdefault(name, []).append(points[-1])
    if over:
        plots.lines(series, present.title(metric), over, path)
    elif cost:
        plots.front(points, present.title(metric), cost, path)
    else:
        plots.bars(points, present.title(metric), path)


def default_metric(rows: Sequence[Row]) -> str:
    """That of the task: accuracy where there is one, else the error of a regression."""
    return headline(rows)


def default_metrics(rows: Sequence[Row]) -> list[str]:
    """With macro F1 beside the accuracy between domains, where they can rank in opposite order."""
    first = default_metric(rows)
    between = any(row.get("source") or row.get("method") == "transfer" for row in rows)
    return [first, "test_f1"] if between and first == "test_accuracy" else [first]


def named(text: str, columns: Collection[str]) -> list[str]:
    """The columns in a text with commas.

    Raises:
        ValueError: there is no such column.
    """
    return _known((name.strip() for name in text.split(",") if name.strip()), columns)


def _known(names: Iterable[str], columns: Collection[str]) -> list[str]:
    names = list(names)
    for name in names:
        if name not in columns:
            raise ValueError(f"there is no column '{name}'; {nearest(name, columns)}")
    return names


def chosen(rows: Sequence[Row], condition: str, columns: Collection[str]) -> list[Row]:
    """The rows that meet a condition.

    Raises:
        ValueError: it is no condition, or no row meets it.
    """
    from kdrun.compare.where import where

    test = where(condition, columns)
    kept = [row for row in rows if test(row)]
    if not kept:
        raise ValueError(f"none of the {len(rows)} runs meets '{condition}'")
    return kept


def selection(text: str, columns: Collection[str]) -> Row:
    """From `loss=kd,student=resnet18` to values by column; `-` is what has none.

    Raises:
        ValueError: a part is no `column=value`, or there is no such column.
    """
    values: Row = {}
    for part in text.split(","):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not equals:
            raise ValueError(f"'{part}' names no baseline: write column=value, such as loss=kd")
        [column] = _known([name], columns)
        if value == "-":  # as tables show it
            values[column] = None
        else:
            values[column] = (value or None) if column in TEXT else parse(value)
    return values


callable_package(__name__)
