"""What a raw file goes through before a network reads it: as plain fields, and in words.

A program that knows nothing of kdrun follows the fields; nothing in them is code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kdrun.dataset.image import Fit
from kdrun.dataset.numerals import few

GRAPH = ("normalisation",)
"""What an exported graph does by itself."""

PIXELS = ("resize", "crop", "range", *GRAPH)
"""What one does that reads pixels of any size."""

WORDS = {
    "lower_case": True,
    "word": r"(?u)\b\w\w+\b",
    "weight": "(1 + ln(count)) * idf",
    "length": 1,
}
"""What `kdrun.dataset.words` does beside what it learnt: which parts of a text are words, how
often each counts, and how long a row is made."""

Fields = dict[str, Any]


def fields(header: Mapping[str, Any], reader: Mapping[str, Any] | None) -> Fields:
    """What is done with a raw file, as plain values for JSON.

    Args:
        header: of the student's weights.
        reader: of new files, as `Dataset.reader`.

    Returns:
        `kind`: `image`, `table`, `text` or `tensors`, which are read as they are. Of an image
        `exif`, `background`, `colour`, `size` (height and width), `resize` (`shorter_side` to so
        many pixels, or the sides of the largest rectangle of the `size`'s proportions, less
        `bleed` of each border: `fit`, Pillow's `ImageOps.fit`; or `within`, at the upper left of
        black), `filter` (which widens as an image is made smaller: Pillow's), `crop`, `range`,
        `layout`, `dtype`, `normalisation`; and which of these are `inside` of the file. Of a table
        or of texts what `Columns`, `Words` and `Tokens` learnt.
    """
    shape, reader = header["shape"], dict(reader or {})
    if isinstance(shape, list | tuple) and len(shape) == 3:
        return _image(header, reader)
    kind = str(reader.pop("_target_", "")).rpartition(".")[2]
    if kind not in ("rows", "texts", "prompts"):
        return {"kind": "tensors"}
    if isinstance(reader.get("words"), dict):
        reader["words"] = {**reader["words"], **WORDS}
    return {"kind": "table" if kind == "rows" else "text", **reader}


def _image(header: Mapping[str, Any], reader: Mapping[str, Any]) -> Fields:
    fit, (channels, height, width) = Fit.of(reader), header["shape"]
    found: Fields = {
        "kind": "image",
        "exif": True,
        "background": fit.background,
        "colour": "grey" if channels == 1 else "RGB",
        "size": [height, width],
    }
    if reader.get("whole"):
        found |= {"resize": "within", "crop": None}
    elif fit.crop_pct < 1 and height == width:
        side = {"shorter_side": int(width / fit.crop_pct)}
        found |= {"resize": side, "crop": "centre"}
    else:
        found |= {"resize": {"fit": [height, width], "bleed": (1 - fit.crop_pct) / 2}, "crop": None}
    mean, std = header["mean"], header["std"]
    return found | {
        "filter": fit.interpolation,
        "range": [0, 1],
        "layout": "NCHW",
        "dtype": "float32",
        "normalisation": {"mean": list(mean), "std": list(std)} if mean else None,
        "inside": list(GRAPH),
    }


def words(told: Fields) -> str:
    """The same as a sentence."""
    if told["kind"] == "table":
        return _row(told)
    if told["kind"] == "text":
        return _text(told)
    return _picture(told) if told["kind"] == "image" else "as it is"


def _row(told: Fields) -> str:
    learnt = told.get("learnt") or {}
    numbers, categories = (_names(learnt.get(kind)) for kind in ("numeric", "categorical"))
    scaled = f"numbers, filled where they are missing, less their mean, by their scale: {numbers}"
    return f"a row of a table: {scaled}; a column for each value of categories: {categories}"


def _names(columns: Any) -> str:
    """The names of columns, as a file tells them, which may be malformed."""
    listed = columns if isinstance(columns, list) else []
    names = [str(column.get("name")) for column in listed if isinstance(column, dict)]
    return few(names) if names else "none"


def _text(told: Fields) -> str:
    ways = []
    if told.get("words"):
        ways.append("a row of TF-IDF, of length 1, by the vocabulary that lies here")
    if told.get("tokens") or told.get("tokenizer"):
        ways.append("tokens by the tokenizer that lies here as JSON")
    return f"a text: {' beside '.join(ways)}"


def _picture(told: Fields) -> str:
    height, width = told["size"]
    kind, side, resize = told["colour"], f"{width}x{height}", told["resize"]
    turned = f"turned upright as EXIF says, transparent pixels put on {told['background']}"
    if resize == "within":
        brought = f"resized, {told['filter']}, to fit into {side}, at the upper left of black"
    elif "shorter_side" in resize:
        brought = (
            f"resized, {told['filter']}, so that its shorter side has {resize['shorter_side']} "
            f"pixels; the middle {side} cut out"
        )
    else:
        brought = f"its middle cut to the proportions, resized to {side}, {told['filter']}"
    done = ", which the file does by itself from pixels" if "resize" in told["inside"] else ""
    return f"{turned}, made {kind}; {brought}{done}"
