"""How groups of runs are told apart in pictures: short names, colours, panels, axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdrun.compare.groups import name_values, shown
from kdrun.results.table import IDENTITY, Row, Value

COLOURS = 8
"""More than so many colours are not told apart."""

PANELS = 12
"""More than so many panels are not looked at."""


@dataclass
class Legend:
    """Names and places of groups, which come in the order of the comparison.

    Attributes:
        names: a short name for each group.
        series: what has a colour of its own; empty if that would be too many.
        series_of: for each group the position of its series, or None.
        panels: what has a panel of its own, one at least.
        panel_of: for each group the position of its panel.
        axes: what a group is made of: a name, and its values in order.
        cells: for each axis the position of each group on it, or its number.
        texts: for each axis what it is of each group, in words.
    """

    names: list[str]
    series: list[str]
    series_of: list[int | None]
    panels: list[str]
    panel_of: list[int]
    axes: list[dict[str, object]]
    cells: dict[str, list[Value]]
    texts: dict[str, list[str]]


def legend(groups: Sequence[Row]) -> Legend:
    """Find names, colours and panels for groups.

    One column becomes the colours, the others together the panels, if neither are too many.

    Args:
        groups: the columns in which groups differ, with the values of each.
    """
    kept, dropped = _telling(groups)
    texts = {key: [_text(group, key, dropped) for group in groups] for key in kept}
    colour = _colour(kept, texts)
    rest = [key for key in kept if key != colour]
    labels = [_joined(texts, rest, i) for i in range(len(groups))]
    panels = _sorted(labels) if colour or not groups else [""]
    series = _sorted(texts[colour]) if colour else []
    return Legend(
        names=_names(groups, kept, texts),
        series=series,
        series_of=[series.index(text) for text in texts[colour]]
        if colour
        else [None] * len(groups),
        panels=panels,
        panel_of=[panels.index(label) if colour else 0 for label in labels],
        axes=[_axis(key, [group[key] for group in groups], texts[key]) for key in kept],
        cells={key: _cells([group[key] for group in groups], texts[key]) for key in kept},
        texts=texts,
    )


def _telling(groups: Sequence[Row]) -> tuple[list[str], list[str]]:
    """The columns worth a word, and those that say what another already says.

    The loss says that the method is distillation, and a schedule's peak repeats the learning rate.
    """
    kept: list[str] = list(groups[0]) if groups else []
    values = {key: [group[key] for group in groups] for key in kept}
    dropped = []
    places = {key: place for place, key in enumerate(kept)}
    for key in sorted(kept, key=lambda key: (len(set(values[key])), -places[key])):
        others = [other for other in kept if other != key]
        if key in IDENTITY and _is_text(values[key]):
            repeats = any(
                other in IDENTITY and _is_text(values[other]) and _tells(values[other], values[key])
                for other in others
            )
        else:
            repeats = any(values[other] == values[key] for other in others)
        if repeats:
            kept.remove(key)
            dropped.append(key)
    return kept, dropped


def _is_text(values: Sequence[Value]) -> bool:
    return any(isinstance(value, str) for value in values)


def _tells(one: Sequence[Value], other: Sequence[Value]) -> bool:
    """Whether the other is known where one is."""
    return len(set(zip(one, other, strict=True))) == len(set(one))


def _text(group: Row, key: str, dropped: Sequence[str]) -> str:
    """A value for the eye; a run without a loss is told by its method."""
    value = group[key]
    if value is None:
        value = next((group[other] for other in dropped if group[other] is not None), None)
    name = key.rpartition(".")[2]
    text = shown(value)
    return text if key in IDENTITY and key != "epochs" else f"{name} {_short(value, text)}"


def _short(value: Value, text: str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else text


def _colour(kept: Sequence[str], texts: dict[str, list[str]]) -> str | None:
    """The column that has the colours: the one with most values that leaves few enough panels."""
    count = {key: len(set(texts[key])) for key in kept}
    places = {key: place for place, key in enumerate(kept)}
    # Data sets make better panels; of two columns alike, the later is nearer to the question.
    for key in sorted(kept, key=lambda k: (k in ("dataset", "target"), -count[k], -places[k])):
        rest = [other for other in kept if other != key]
        panels = {_joined(texts, rest, i) for i in range(len(texts[key]))}
        if count[key] <= COLOURS and len(panels) <= PANELS:
            return key
    return None


def _joined(texts: dict[str, list[str]], keys: Sequence[str], position: int) -> str:
    return " · ".join(texts[key][position] for key in keys if texts[key][position] != "-")


def _names(groups: Sequence[Row], kept: Sequence[str], texts: dict[str, list[str]]) -> list[str]:
    names = [_joined(texts, kept, i) or "all runs" for i in range(len(groups))]
    if len(set(names)) == len(names):
        return names
    return [name_values(group) for group in groups]


def _axis(key: str, values: Sequence[Value], texts: Sequence[str]) -> dict[str, object]:
    if _numeric(values):
        return {"name": key, "numeric": True, "values": []}
    return {"name": key, "numeric": False, "values": _sorted(texts)}


def _cells(values: Sequence[Value], texts: Sequence[str]) -> list[Value]:
    if _numeric(values):
        return list(values)
    order = _sorted(texts)
    return [order.index(text) for text in texts]


def _numeric(values: Sequence[Value]) -> bool:
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)


def _sorted(texts: Sequence[str]) -> list[str]:
    """Each once: numbers by size, the others by name."""

    def place(text: str) -> tuple[bool, float, str]:
        try:
            return False, float(text.rpartition(" ")[2]), text
        except ValueError:
            return True, 0.0, text

    return sorted(set(texts), key=place)
