"""`kdrun predict`: a finished run's student on new inputs, as a table of classes."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdrun import bounds
from kdrun.safe_cells import add_option, safe_cells
from kdrun.terminal import printable

if TYPE_CHECKING:
    from kdrun.types import Shape, Split

DESCRIPTION = """Classify new images, rows or texts with the student of a run; or let it answer once
for all its data, as a table that teacher=recorded learns from."""


TABLES = (".csv", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".txt")
"""How files of rows or texts end."""


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
    bounds.add_option(parser)
    add_option(parser)
    options = parser.parse_args(arguments)
    if (options.inputs is None) == (options.record is None):
        parser.error("give new inputs, or --record FILE for the run's own data")
    try:
        bounds.allow(options.max_memory)
        if options.record:
            from kdrun.record import record

            rows = record(options.run, options.record, options.device, options.plugin)
            print(f"{rows} answers in {options.record}")
            return 0
        table = predict(
            options.run, options.inputs, options.batch_size, options.device, options.plugin
        )
    except (ValueError, OSError) as error:
        print(f"kdrun predict: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    if options.safe_cells:
        table = safe_cells(table)
    if options.out is None:
        sys.stdout.write(printable(table, lines=True) if sys.stdout.isatty() else table)
        return 0
    from kdrun.results import write_atomic

    write_atomic(Path(options.out), table)
    rows = sum(1 for _ in csv.reader(io.StringIO(table))) - 1  # a name may hold a line end
    print(f"{rows} predictions in {options.out}")
    return 0


def predict(run: str, inputs: str, batch_size: int, device: str, plugins: list[str]) -> str:
    """The predictions as CSV text: input, class, confidence, then a column per class.

    In regression: input and value. The student computes in the number format of its run.

    Args:
        run: folder of a finished run, or a file of weights that kdrun wrote.
        inputs: as for `read_new`.
        batch_size: inputs at a time.
        device: as in `train.device`.
        plugins: packages that the model's `_target_` may name.

    Raises:
        ValueError: weights or inputs cannot be read, or do not fit each other.
        FileNotFoundError: there are none.
    """
    import torch

    from kdrun.checkpoint import read_header, read_reader
    from kdrun.dataset.loader import make_loader
    from kdrun.device import choose_device
    from kdrun.model.weights import rebuild
    from kdrun.shape import read_shape

    where = choose_device(device)
    network = rebuild(run, plugins).to(where).eval()
    header = read_header(run)
    names, split = read_new(inputs, read_shape(header["shape"]), read_reader(run), plugins)
    loader = make_loader(split, batch_size, seed=0, train=False, device=where)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    classes = header["classes"]
    told = ["class", "confidence", *(f"p_{name}" for name in classes)] if classes else ["value"]
    writer.writerow(["input", *told])
    with torch.no_grad():
        for batch in loader.epoch(0):
            if not classes:
                values = network(batch).logits.squeeze(1).tolist()
                for index, value in zip(batch.index.tolist(), values, strict=True):
                    writer.writerow([names[index], f"{value:.6g}"])
                continue
            probabilities = network(batch).logits.softmax(dim=1).cpu()
            for index, row in zip(batch.index.tolist(), probabilities, strict=True):
                best = int(row.argmax())
                told = [f"{p:.6f}" for p in row.tolist()]
                writer.writerow([names[index], classes[best], told[best], *told])
    return text.getvalue()


def read_new(
    path: str, shape: Shape, reader: Mapping[str, Any] | None, plugins: Sequence[str]
) -> tuple[list[str], Split]:
    """A name for each new sample, and the samples as a student reads them.

    Args:
        path: of a table or texts where the student was trained on such; else as for `read_inputs`.
        shape: of a sample as the student reads it.
        reader: of such tables or texts; None without.
        plugins: packages that a `_target_` may lie in.

    Raises:
        ValueError: the samples cannot be read, or do not fit the student.
        FileNotFoundError: there are none.
    """
    from kdrun.dataset.image import SUFFIXES, WHITE, check_background
    from kdrun.dataset.inputs import read_inputs
    from kdrun.shape import shape_of
    from kdrun.target import call
    from kdrun.types import Arrays

    pictures = Path(path).is_dir() or path.lower().endswith((".npz", *SUFFIXES))
    background = str((reader or {}).get("background", WHITE))
    check_background(background)
    if reader and "_target_" in reader and not pictures:
        try:
            split: Split = call({**reader, "path": path}, plugins)
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
        return [str(position) for position in range(len(split))], split
    if isinstance(shape, dict):
        rest = f"give one of {', '.join(TABLES)}" if reader else "its file does not say how"
        raise ValueError(f"{path}: the student reads texts: {rest}.")
    return read_inputs(path, shape, background)
