"""`kdrun evaluate`: a finished run's student on labelled data, as a row of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kdrun.config.nearest import nearest
from kdrun.security import bounds
from kdrun.terminal.printable import printable

if TYPE_CHECKING:
    from kdrun.dataset.asked import Asked
    from kdrun.evaluate.reads import Labelled, Reads
    from kdrun.evaluate.scored import Line
    from kdrun.types import Dataset

DESCRIPTION = """How good the student of a run is on labelled data that it was not trained on, with
95 % intervals, in all and by domain. The rows go to RUN/evaluations.csv."""

WORDS = ("dataset", "task", "max_memory")
"""What may be typed of a config."""


def main(arguments: list[str]) -> int:
    """Print a line for each domain, and write a row; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        bounds.allow(options.max_memory)
        lines = evaluate(options)
    except (ValueError, OSError) as error:
        told = printable(error, lines=True).replace("\n", "\n  ")
        print(f"kdrun evaluate: {told}", file=sys.stderr)
        return 2
    for line in lines:
        print(printable("\n".join(_told(line)), lines=True))
    from kdrun.evaluate.scored import write

    folder = Path(options.run)
    out = Path(options.out) if options.out else folder / "evaluations.csv"
    if options.out or folder.is_dir():
        try:
            write(out, lines)
        except (ValueError, OSError) as error:
            print(f"kdrun evaluate: {printable(error)}", file=sys.stderr)
            return 2
        print(f"{len(lines)} row{'s' * (len(lines) > 1)} in {printable(str(out))}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kdrun evaluate", description=DESCRIPTION)
    parser.add_argument("run", help="folder of a finished run, or its student.safetensors")
    parser.add_argument(
        "data",
        nargs="*",
        help="a folder of images, an .npz, a .csv or texts; or dataset=NAME dataset.KEY=VALUE; "
        "the run's own test split without it",
    )
    parser.add_argument("--out", help="the CSV that rows are added to; RUN/evaluations.csv without")
    parser.add_argument(
        "--probe",
        action="store_true",
        help="instead: k-NN, a linear probe and recall at k on the embedding of labelled data",
    )
    parser.add_argument(
        "--pairs",
        metavar="OTHER",
        help="instead: recall at k from each sample to its partner in this file or folder",
    )
    parser.add_argument("--known-only", action="store_true", help="leave out unknown classes")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    parser.add_argument("--plugin", action="append", default=[], help="a package to trust")
    rows = parser.add_argument_group("of tables and texts")
    rows.add_argument("--labels", metavar="COLUMN", help="what is to be answered")
    rows.add_argument("--domain", metavar="COLUMN", help="which names each row's domain")
    for name in ("separator", "charset", "decimal", "thousands"):
        rows.add_argument(f"--{name}", help="as of kdrun predict")
    bounds.add_option(parser)
    return parser


def evaluate(options: argparse.Namespace) -> list[Line]:
    """The scores of a student on what was asked for, of all of it first.

    Raises:
        ValueError: student or data cannot be read, or do not fit each other.
        FileNotFoundError: there are none.
    """
    from kdrun.device import choose_device
    from kdrun.evaluate.labelled import of_dataset, of_path
    from kdrun.evaluate.reads import Reads
    from kdrun.evaluate.scored import scored
    from kdrun.files.checkpoint import read_header, read_reader
    from kdrun.model.weights import rebuild
    from kdrun.sample import read_shape
    from kdrun.task.choose import from_header

    _refuse_absent(Path(options.run))
    where = choose_device(options.device)
    network = rebuild(options.run, options.plugin).to(where).eval()
    header = read_header(options.run)
    task = from_header(header, options.plugin)
    shape, reader = read_shape(header["shape"]), read_reader(options.run)
    reads = Reads(shape, reader, task, options.plugin, options.known_only, _tell)
    words: list[str] = options.data
    name = " ".join(words) or "test split"
    if options.probe:
        from kdrun.evaluate.probed import probed

        data = _composed(words, options.plugin) if words else _own_data(options.run, options.plugin)
        return [probed(options.run, network, data, reads, name, options.batch_size, where, _tell)]
    if options.pairs:
        from kdrun.evaluate.paired import paired

        if len(words) != 1:
            raise ValueError("--pairs needs one file or folder before it: kdrun evaluate RUN DATA")
        sides = (words[0], options.pairs)
        how = (reads, _asked(options), options.batch_size, where, _tell)
        return [paired(options.run, network, sides, *how)]
    if not words:
        found = _own(options.run, reads)
    elif any("=" in word for word in words) and not Path(words[0]).exists():
        found = of_dataset(_composed(words, options.plugin), reads)
    elif len(words) > 1:
        raise ValueError(f"one folder or file at a time; {words[1]} is a second")
    else:
        found = of_path(words[0], reads, _asked(options), options.domain)
    return scored(options.run, network, task, found, name, options.batch_size, where, _tell)


def _refuse_absent(run: Path) -> None:
    """Say what is there where no run is."""
    if run.exists():
        return
    beside = sorted(one.name for one in run.parent.iterdir()) if run.parent.is_dir() else []
    hint = nearest(run.name, beside) if beside else f"there is no folder {run.parent} either"
    raise FileNotFoundError(f"there is no run {run}; {hint}")


def _own(run: str, reads: Reads) -> Labelled:
    """The test split of the run's own data."""
    from dataclasses import replace

    from kdrun.evaluate.labelled import of_dataset
    from kdrun.evaluate.reads import Labelled

    data = _own_data(run, reads.plugins)
    if data.reader and "_target_" in data.reader:  # read and cut as it was for the run itself
        return Labelled(data.test, None)
    return of_dataset(replace(data, source=None), reads)


def _own_data(run: str, plugins: Sequence[str]) -> Dataset:
    """The data of a run."""
    from kdrun.results.record import load_record
    from kdrun.run.data import read_data

    if not Path(run).is_dir():
        raise ValueError(f"{run} is a file of weights: name the data, or give the run's folder")
    return read_data(load_record(run).get("config", {}), plugins)


def _composed(words: list[str], plugins: list[str]) -> Dataset:
    """The data that `dataset=NAME dataset.KEY=VALUE` mean.

    Raises:
        ValueError: something in them is not defined; the message has the nearest that is.
    """
    from kdrun.config.composed import composed
    from kdrun.run.data import data_of

    for word in words:
        key = word.partition("=")[0].lstrip("+").partition(".")[0]
        if "=" not in word or key not in WORDS:
            raise ValueError(f"'{word}' says nothing of data; {nearest(key, WORDS)}")
    return data_of(composed(words, plugins))


def _asked(options: argparse.Namespace) -> Asked:
    from kdrun.dataset.asked import Asked

    return Asked(
        options.separator,
        options.charset,
        options.decimal,
        options.thousands,
        labels=options.labels,
        tell=_tell,
    )


def _tell(sentence: str) -> None:
    print(printable(sentence), file=sys.stderr)


def _told(line: Line) -> Iterator[str]:
    """What a person reads of a row."""
    yield f"{line.domain or line.data}: {line.samples:,} samples"
    width = max(map(len, line.metrics), default=0)
    for metric in line.kinds:
        if (value := line.metrics.get(metric.name)) is None:
            continue
        share = metric.unit == "%"
        scale, unit = (100, " %") if share else (1, f" {metric.unit}" if metric.unit else "")
        shown = f"  {metric.name:{width}}  {_number(value * scale, share)}{unit}"
        if (ends := line.intervals.get(metric.name)) is not None:
            low, high = (_number(end * scale, share) for end in ends)
            shown += f"  ({low} to {high})"
        yield shown


def _number(value: float, share: bool) -> str:
    return f"{value:.2f}" if share else f"{value:.4g}"
