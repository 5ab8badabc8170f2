"""A comparison as text: for the terminal, a page, a paper, a spreadsheet or a program."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

from kdrun.compare.comparison import Comparison, Line
from kdrun.compare.groups import name_values, shown
from kdrun.compare.markup import markdown, plain
from kdrun.results.glossary import is_cost, is_share
from kdrun.results.table import Row, Value, to_csv
from kdrun.terminal.narrow import narrowed, paragraphs
from kdrun.terminal.printable import printable

FORMATS = ("table", "csv", "markdown", "latex", "json")
SPARE = ("p t", "p flip", "pairs", "against", "95 % interval")
"""Columns that a narrow terminal need not show, the first of them first."""

STYLES = {"table": "simple", "markdown": "pipe", "latex": "latex_booktabs"}


def present(
    comparison: Comparison,
    style: str,
    pivot: Sequence[str] | None = None,
    width: int | None = None,
) -> tuple[str, str]:
    """Write a comparison out.

    Args:
        comparison: what was found.
        style: one of `FORMATS`.
        pivot: a column for the rows and one for the columns, instead of a line per group.
        width: of a terminal that a table has to fit; None for every column, however wide.

    Returns:
        The text, and notes for the reader where the text has no place for them.
    """
    if style == "json":
        return json.dumps(plain(as_object(comparison)), indent=1, allow_nan=False), ""
    notes = "\n".join(f"- {printable(note)}" for note in comparison.notes)
    if style == "csv":
        rows = [flat(line, comparison) for line in comparison.lines]
        return to_csv(rows, leading=()).rstrip("\n"), notes
    rows = pivoted(comparison, *pivot) if pivot else lines(comparison)
    head = summary(comparison)
    if style == "table" and width is not None:
        spare = [*SPARE, *(title(metric) for metric in comparison.metrics[:0:-1])]
        rows, left_out = narrowed(rows, width, spare)
        if left_out:
            notes += f"\n- not shown: {', '.join(left_out)}; --all-columns shows them"
        head, notes = paragraphs(head, width), paragraphs(notes.strip("\n"), width)
    text = tabulated(rows, style)
    if style == "latex":
        return text, notes
    if style == "markdown":
        head = "  \n".join(map(markdown, head.splitlines()))  # two blanks end a line
        notes = "\n".join(f"- {markdown(note[2:])}" for note in notes.splitlines())
    return "\n\n".join(filter(None, [head, text, notes])), ""


def tabulated(rows: Sequence[Row], style: str) -> str:
    """Rows of text as a table; columns that begin with digits are aligned right."""
    import tabulate

    tabulate.MIN_PADDING = 0  # it would make every heading two wider than it is
    if style == "markdown":
        rows = [{markdown(k): markdown(shown(v)) for k, v in row.items()} for row in rows]
    # Numbers are text by now; tabulate would read 0.90 and write 0.9.
    numeric = {
        key for row in rows for key, value in row.items() if str(value).lstrip("+-")[:1].isdigit()
    }
    align = ["right" if key in numeric else "left" for key in rows[0]]
    text: str = tabulate.tabulate(
        rows, headers="keys", tablefmt=STYLES[style], disable_numparse=True, colalign=align
    )
    if style == "latex":
        text = re.sub(r"(?<!\w)-(?=\d)", "$-$", text.replace("±", r"$\pm$"))
    return text


def summary(comparison: Comparison) -> str:
    """What was averaged over what, in a few lines."""
    lines = comparison.lines
    runs, groups = comparison.runs, len(lines)
    told = [f"{runs} run{'s' * (runs > 1)} in {groups} group{'s' * (groups > 1)}"]
    if comparison.over:
        told[0] += ", averaged over " + "; ".join(
            f"{key} ({_several(values)})" for key, values in comparison.over.items()
        )
    if comparison.by:
        told.append(f"apart: {', '.join(comparison.by)}")
    if comparison.constant:
        told.append(f"alike: {name_values(comparison.constant)}")
    return "\n".join(told)


def _several(values: Sequence[Value]) -> str:
    names = [shown(value) for value in values]
    return ", ".join(names if len(names) <= 6 else [*names[:3], "…", names[-1]])


def number(metric: str, value: float | None, signed: bool = False) -> str:
    """A value as a reader wants it: shares in per cent, large numbers with separators."""
    if value is None or math.isnan(value):
        return ""
    sign = "+" if signed else ""
    if is_share(metric):
        return f"{100 * value:{sign}.2f}"
    return f"{value:{sign},.0f}" if abs(value) >= 1000 else f"{value:{sign}.4g}"


def title(metric: str) -> str:
    """A metric's heading, with its unit."""
    return f"{metric} [%]" if is_share(metric) else metric


def mean_and_std(line: Line, metric: str) -> str:
    """Such as `91.20 ± 0.35`; a single run has no spread."""
    std, text = line.std[metric], number(metric, line.mean[metric])
    # The number of parameters does not vary, and it need not be said that it does not.
    if not text or std is None or (std == 0 and not is_share(metric)):
        return text
    return f"{text} ± {number(metric, std) if is_share(metric) else f'{std:.2g}'}"


def lines(comparison: Comparison) -> list[Row]:
    """A row per group."""
    first, *others = comparison.metrics
    tested = any(line.base for line in comparison.lines)
    fronted = any(line.on_front is not None for line in comparison.lines)
    several_bases = len({id(line.base) for line in comparison.lines if line.base}) > 1
    rows = []
    for line in comparison.lines:
        row: Row = {key: shown(value) for key, value in line.group.by.items()}
        row[title(first)] = mean_and_std(line, first)
        low, high = line.interval or (None, None)
        row["95 % interval"] = (
            f"{number(first, low)} to {number(first, high)}" if line.interval else ""
        )
        row["n"] = str(line.n)
        row |= {title(metric): mean_and_std(line, metric) for metric in others}
        if fronted:
            row["front"] = "*" if line.on_front else ""
        if tested:
            row |= _tested(line, first, several_bases)
        rows.append(row)
    return rows


def _tested(line: Line, first: str, name_base: bool) -> Row:
    difference = f"{'points' if is_share(first) else 'difference'} (95 %)"
    row: Row = dict.fromkeys([difference, "pairs", "p t", "p Holm", "p flip"], "")
    if line.test:
        test = line.test
        row[difference] = number(first, test.mean, signed=True)
        if test.low is not None:
            ends = [number(first, bound, signed=True) for bound in (test.low, test.high)]
            row[difference] = f"{row[difference]} ({' to '.join(ends)})"
        row["pairs"] = str(test.n)
        row["p t"], row["p Holm"] = _p(test.p_t), _p(line.p)
        row["p flip"] = _p(test.p_flip) if test.n > 1 else ""
    if name_base:
        row["against"] = str(line.base) if line.base and line.base is not line.group else ""
    row["verdict"] = line.verdict
    return row


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def pivoted(comparison: Comparison, row: str, column: str) -> list[Row]:
    """A row per value of one column, a column per value of another; cells are means."""
    metric = comparison.metrics[0]
    corner = f"{title(metric)}: {row} \\ {column}"
    others = [key for key in comparison.by if key not in (row, column)]
    values = {line.group.by[column] for line in comparison.lines}
    names = list(dict.fromkeys(shown(value) for value in sorted(values, key=_ordered)))
    cells: dict[str, Row] = {}
    for line in comparison.lines:
        label = ", ".join(shown(line.group.by[key]) for key in [row, *others])
        empty: Row = {corner: label, **dict.fromkeys(names, "")}
        cells.setdefault(label, empty)[shown(line.group.by[column])] = mean_and_std(line, metric)
    return list(cells.values())


def flat(line: Line, comparison: Comparison) -> Row:
    """A group with every number in full, for a program to read."""
    first = comparison.metrics[0]
    row: Row = {**line.group.by, "n": line.n}
    for metric in comparison.metrics:
        row |= {metric: line.mean[metric], f"{metric}_std": line.std[metric]}
    low, high = line.interval or (None, None)
    row |= {f"{first}_low": low, f"{first}_high": high}
    if line.on_front is not None:
        row["on_front"] = line.on_front
    if line.verdict:
        test = line.test
        row |= {
            "baseline": str(line.base) if line.base else None,
            "pairs": test.n if test else 0,
            "difference": test.mean if test else None,
            "difference_low": test.low if test else None,
            "difference_high": test.high if test else None,
            "p_t": test.p_t if test else None,
            "p_holm": line.p,
            "p_flip": test.p_flip if test else None,
            "p_flip_least": test.least if test else None,
            "verdict": line.verdict,
        }
    return row


def as_object(comparison: Comparison) -> dict[str, object]:
    """The whole comparison as plain containers."""
    return {
        "metrics": comparison.metrics,
        "by": comparison.by,
        "over": comparison.over,
        "constant": comparison.constant,
        "runs": comparison.runs,
        "failed": [row.get("run_id") for row in comparison.failed],
        "groups": [flat(line, comparison) for line in comparison.lines],
        "notes": comparison.notes,
    }


def sort(comparison: Comparison, key: str) -> None:
    """Order the lines: by a column, falling if it has a `-` before it; else the best first.

    Raises:
        ValueError: there is no such column in the answer.
    """
    from kdrun.config.instantiate import nearest

    if not key:
        first = comparison.metrics[0]
        key = first if is_cost(first) else f"-{first}"
    name, falling = key.removeprefix("-"), key.startswith("-")
    columns = flat(comparison.lines[0], comparison)
    if name not in columns:
        raise ValueError(f"the answer has no column '{name}' to sort by; {nearest(name, columns)}")
    values = {id(line): flat(line, comparison)[name] for line in comparison.lines}
    present = [line for line in comparison.lines if values[id(line)] is not None]
    absent = [line for line in comparison.lines if values[id(line)] is None]
    present.sort(key=lambda line: _ordered(values[id(line)]), reverse=falling)
    comparison.lines[:] = present + absent


def _ordered(value: Value) -> tuple[int, float, str]:
    """Numbers before text, so that a column of both can be sorted."""
    if isinstance(value, (int, float)):
        return 0, float(value), ""
    return 1, 0.0, str(value)
