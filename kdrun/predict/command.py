"""`kdrun predict`: a finished run's student on new inputs, as a table of classes."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kdrun.security import bounds
from kdrun.security.safe_cells import add_option, safe_cells
from kdrun.terminal.printable import printable

if TYPE_CHECKING:
    from kdrun.dataset.asked import Asked
    from kdrun.types import Shape, Split

DESCRIPTION = """Classify new images, rows or texts with the student of a run; or let it answer once
for all its data, as a table that teacher=recorded learns from."""


TABLES = (".csv", ".jsonl", ".json", ".ndjson", ".txt")
"""How files of rows or texts end, before .gz and the like."""


def main(arguments: list[str]) -> int:
    """Write a CSV of input, predicted class and the probability of each class, or `--record`."""
    parser = argparse.ArgumentParser(prog="kdrun predict", description=DESCRIPTION)
    parser.add_argument("run", help="folder of a finished run, or its student.safetensors")
    parser.add_argument("inputs", nargs="?", help="images, a .csv or texts, or an .npz with x")
    parser.add_argument("--record", help="a .csv, .parquet, .jsonl or .npz for teacher=recorded")
    parser.add_argument("--out", help="the CSV to write; the terminal without it")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    parser.add_argument("--plugin", action="append", default=[], help="a package to trust")
    _add_options_of_tables(parser)
    bounds.add_option(parser)
    add_option(parser)
    options = parser.parse_args(arguments)
    if (options.inputs is None) == (options.record is None):
        parser.error("give new inputs, or --record FILE for the run's own data")
    try:
        bounds.allow(options.max_memory)
        if options.record:
            from kdrun.predict.answers import record

            rows = record(options.run, options.record, options.device, options.plugin)
            print(f"{rows} answers in {options.record}")
            return 0
        predictions = predict(
            options.run,
            options.inputs,
            options.batch_size,
            options.device,
            options.plugin,
            _asked(options),
            Path(options.out).with_suffix("") if options.out else None,
        )
    except (ValueError, OSError) as error:
        print(f"kdrun predict: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    table = safe_cells(predictions.table) if options.safe_cells else predictions.table
    scores = ", ".join(f"{name} {value:.4g}" for name, value in predictions.scores.items())
    if options.out is None:
        sys.stdout.write(printable(table, lines=True) if sys.stdout.isatty() else table)
        _tell(scores)
        return 0
    from kdrun.results.record import write_atomic

    write_atomic(Path(options.out), table)
    print(f"{predictions.rows} predictions in {options.out}")
    if predictions.coco:
        results = Path(options.out).with_suffix(".json")
        write_atomic(results, predictions.coco)
        print(f"their boxes, as COCO's results, in {results}")
    if scores:
        file = Path(options.out).with_suffix(".scores.json")
        write_atomic(file, json.dumps(predictions.scores, indent=2) + "\n")
        print(f"{scores}, in {file}")
    return 0


def _add_options_of_tables(parser: argparse.ArgumentParser) -> None:
    rows = parser.add_argument_group("of tables and texts")
    rows.add_argument("--id", metavar="COLUMN", help="what the rows are called")
    rows.add_argument("--labels", metavar="COLUMN", help="score the answers by these labels")
    rows.add_argument(
        "--fill-missing", action="store_true", help="a column that is not there is one of holes"
    )
    for name, what in (
        ("separator", "between cells: semicolon, tab, ..."),
        ("charset", "the file's encoding: cp1252, ..."),
        ("decimal", "the mark before the fraction of a number"),
        ("thousands", "the mark between thousands"),
    ):
        rows.add_argument(f"--{name}", help=f"{what}; found without it")


def _tell(sentence: str) -> None:
    """A word beside the table, which may be on its way to another program."""
    if sentence:
        print(printable(sentence), file=sys.stderr)


def _asked(options: argparse.Namespace) -> Asked:
    from kdrun.dataset.asked import Asked

    return Asked(
        options.separator,
        options.charset,
        options.decimal,
        options.thousands,
        options.fill_missing,
        options.id,
        options.labels,
        tell=_tell,
    )


class Predictions(NamedTuple):
    """What a student says of new inputs.

    Attributes:
        table: CSV text: input, and what the task answers: class, confidence, then a column per
            class, or a value. The first column has the name of the one that names the rows, where
            there is one, and `label` comes next to it where labels were asked for.
        rows: of the table.
        scores: as `kdrun.score.evaluate.evaluate` measures them; empty without labels.
        coco: JSON of boxes in pictures, as COCO's tools read results; empty of other answers.
    """

    table: str
    rows: int
    scores: dict[str, float]
    coco: str = ""


def predict(
    run: str,
    inputs: str,
    batch_size: int,
    device: str,
    plugins: list[str],
    asked: Asked,
    folder: Path | None = None,
) -> Predictions:
    """What a run's student says of new inputs, in the number format of its run.

    Args:
        run: folder of a finished run, or a file of weights that kdrun wrote.
        inputs: as for `read_new`.
        batch_size: inputs at a time.
        device: as in `train.device`.
        plugins: packages that the model's `_target_` may name.
        asked: of a table or of texts.
        folder: where answers go that are files; None where there is no place for them.

    Raises:
        ValueError: weights or inputs cannot be read, or do not fit each other.
        FileNotFoundError: there are none.
    """
    import torch

    from kdrun.dataset.loader import make_loader
    from kdrun.device import choose_device
    from kdrun.files.checkpoint import read_header, read_reader
    from kdrun.model.weights import rebuild
    from kdrun.predict.originals import originals_of
    from kdrun.sample import read_shape
    from kdrun.score.evaluate import evaluate
    from kdrun.task.choose import from_header

    where = choose_device(device)
    network = rebuild(run, plugins).to(where).eval()
    header = read_header(run)
    asked = asked._replace(classes=header["classes"])
    task = from_header(header, plugins).reading(read_reader(run))
    reader = {**(read_reader(run) or {}), "whole": True} if task.boxed else read_reader(run)
    names, split = read_new(inputs, read_shape(header["shape"]), reader, plugins, asked)
    loader = make_loader(split, batch_size, seed=0, train=False, device=where)
    labels = task.labels(split.targets) if asked.labels else None
    originals = originals_of(task, inputs, names)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([asked.ids or "input", *(["label"] if labels else []), *task.columns()])
    with torch.no_grad():
        for batch in loader.epoch(0):
            places = batch.index.tolist()
            own = [names[place] for place in places]
            told = (originals or task).said(network, batch, own, folder)
            for place, cells in zip(places, told, strict=True):
                writer.writerow([names[place], *([labels[place]] if labels else []), *cells])
    scores = evaluate(network, loader, task).metrics if labels else {}
    coco = "" if originals is None else originals.results()
    return Predictions(text.getvalue(), len(names), scores, coco)


def read_new(
    path: str,
    shape: Shape,
    reader: Mapping[str, Any] | None,
    plugins: Sequence[str],
    asked: Asked,
) -> tuple[list[str], Split]:
    """A name for each new sample, and the samples as a student reads them.

    Args:
        path: of a table or texts where the student was trained on such; else as for `read_inputs`.
        shape: of a sample as the student reads it.
        reader: of such tables or texts; None without.
        plugins: packages that a `_target_` may lie in.
        asked: of a table or of texts.

    Raises:
        ValueError: the samples cannot be read, or do not fit the student.
        FileNotFoundError: there are none.
    """
    from kdrun.dataset.image import SUFFIXES, Fit
    from kdrun.dataset.inputs import read_inputs

    pictures = Path(path).is_dir() or path.lower().endswith((".npz", *SUFFIXES))
    fit = Fit.of(reader)
    if reader and "_target_" in reader and not pictures:
        return _read_rows(path, shape, reader, plugins, asked)
    if option := "--id" if asked.ids else "--labels" if asked.labels else None:
        raise ValueError(f"{path} has no columns: {option} is for tables and texts.")
    if isinstance(shape, dict):
        rest = f"give one of {', '.join(TABLES)}" if reader else "its file does not say how"
        raise ValueError(f"{path}: the student reads texts: {rest}.")
    return read_inputs(path, shape, fit, whole=bool((reader or {}).get("whole")))


def _read_rows(
    path: str,
    shape: Shape,
    reader: Mapping[str, Any],
    plugins: Sequence[str],
    asked: Asked,
) -> tuple[list[str], Split]:
    """A file of rows or texts, as the student's file says."""
    from kdrun.config.instantiate import call
    from kdrun.dataset.split import sample_ids
    from kdrun.sample import shape_of
    from kdrun.types import Arrays

    own = str(reader["_target_"]).startswith("kdrun.dataset.new.")
    more = {"asked": asked} if own else {}
    try:
        split: Split = call({**reader, "path": path}, "reader", plugins, **more)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(
            f"{path} cannot be read as the student's file says, which is malformed: {told:.200}"
        ) from error
    given = shape_of(split.inputs) if isinstance(split, Arrays) else shape
    # Texts are as long as the longest of them.
    if not isinstance(given, dict) and not isinstance(shape, dict) and given != shape:
        raise ValueError(
            f"{path}: read as the student's file says, a sample has the shape {given}, and the "
            f"student reads {shape}"
        )
    return sample_ids(split), split
