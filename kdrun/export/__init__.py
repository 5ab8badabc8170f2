"""`kdrun export`: a run's student as one file for programs that know nothing of kdrun.

A format is a module of this folder, called as the user types it, with `SUFFIX`, `write` and `read`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kdrun.export.differs import DiffersError
from kdrun.security import bounds
from kdrun.terminal.printable import printable

if TYPE_CHECKING:
    from kdrun.export.student import Exported

DESCRIPTION = """Write the student of a run as a file that reads plain inputs, images from 0 to 1,
and check it against the student itself."""

LIBRARIES = {"onnx": "onnx", "torch_export": "pytorch", "safetensors": "pytorch"}
"""What reads a file of a format, as a model card names it."""

FORMATS = ("onnx", "torch_export", "safetensors", "hugging_face")

GRAPHS = ("onnx", "torch_export")
"""Those that hold what a student computes, step by step."""


def main(arguments: list[str]) -> int:
    """Write and check a file; 2 where a format cannot hold the student, 1 where the check fails."""
    parser = argparse.ArgumentParser(prog="kdrun export", description=DESCRIPTION)
    parser.add_argument("run", help="folder of a finished run, or its student.safetensors")
    parser.add_argument("--format", choices=FORMATS, help="onnx unless given")
    parser.add_argument(
        "--out", help="file or folder to write; export* in the run's folder without it"
    )
    parser.add_argument(
        "--backbone",
        action="store_true",
        help="without its head, as safetensors: weights that timm and others load as num_classes=0",
    )
    parser.add_argument(
        "--pixels",
        metavar="LAYOUT",
        help="nhwc or nchw: the file reads uint8 pixels of any size, and resizes them itself",
    )
    parser.add_argument("--plugin", action="append", default=[], help="a package to trust")
    bounds.add_option(parser)
    options = parser.parse_args(arguments)
    try:
        bounds.allow(options.max_memory)
        format = options.format or ("safetensors" if options.backbone else "onnx")
        given = (options.out, options.plugin, options.backbone, options.pixels)
        print(export(options.run, format, *given))
    except (ValueError, OSError) as error:
        print(f"kdrun export: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    except DiffersError as error:
        print(f"kdrun export: {printable(error, lines=True)}", file=sys.stderr)
        return 1
    return 0


def export(
    run: str,
    format: str,
    out: str | None = None,
    plugins: Sequence[str] = (),
    backbone: bool = False,
    pixels: str | None = None,
) -> str:
    """Write a student in some format, and let the file answer beside it before it gets its name.

    A model card comes with it: FILE.md, or README.md of a folder.

    Args:
        run: folder of a finished run, or a file of weights that kdrun wrote.
        format: one of `FORMATS`.
        out: the file; None for `export` with the format's suffix beside the weights.
        plugins: packages that the model's `_target_` may name.
        backbone: whether the head is left behind.
        pixels: `nhwc` or `nchw`: an ONNX graph reads uint8 pixels of any size, channels last or
            first, and brings them to its size by itself; None for what the student reads.

    Returns:
        What was written, and the largest difference that was found.

    Raises:
        ValueError: the weights cannot be read, the format cannot hold the student, or a library
            for it is not installed.
        FileNotFoundError: there are no weights.
        DiffersError: the file's answers are not the student's; nothing is left of it.
    """
    from kdrun.export.card import card
    from kdrun.export.check import largest_difference
    from kdrun.files.checkpoint import weights_file
    from kdrun.results.record import atomic, write_atomic

    maker = importlib.import_module(f"kdrun.export.{format}")
    weights = weights_file(run)
    path = Path(out) if out else weights.with_name(f"export{maker.SUFFIX}")
    if path.resolve() == weights.resolve():
        raise ValueError(f"{path} is the run's own file: give another --out")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    student = _student(run, format, plugins, backbone, pixels)
    with _folder(path) if getattr(maker, "FOLDER", False) else atomic(path) as temporary:
        maker.write(temporary, student)
        told = largest_difference(student, maker.read(temporary, plugins))
        if pixels:
            student, more = maker.with_pixels(temporary, student, pixels)
            told = f"{told}; {more}"
        files = [temporary] if temporary.is_file() else [*temporary.iterdir()]
        size = sum(file.stat().st_size for file in files) / 2**20
    if path.is_file():  # a folder has its card in it
        write_atomic(card_of(path), card(student, LIBRARIES[format]))
    scored = student.header.get("precision")
    apart = f"; it computes in float32, and the run was scored in {scored}" if scored else ""
    return f"{path} ({size:.2f} MB): {told}{apart}"


def _student(
    run: str, format: str, plugins: Sequence[str], backbone: bool, pixels: str | None
) -> Exported:
    """The student, where the format can hold what is wanted; arguments as for `export`."""
    from kdrun.export.pixels import refuse
    from kdrun.export.student import as_backbone, open_student
    from kdrun.task.choose import from_header

    student = open_student(run, plugins)
    if backbone and format != "safetensors":
        raise ValueError(f"--backbone is of --format safetensors, and not of {format}")
    student = as_backbone(student) if backbone else student
    if from_header(student.header, plugins).boxed and format in GRAPHS:
        raise ValueError(
            f"{student.header['name']} gives as many boxes as it finds, and --format {format} has "
            "no such choice yet: --format safetensors holds its weights"
        )
    if pixels:
        refuse(pixels, format, student.metadata)
    return student


def card_of(path: Path) -> Path:
    """Where the model card of a file lies: beside it, called as it is with .md."""
    return path.with_name(f"{path.name}.md")


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Let the caller make a folder that appears under its final name whole or not at all."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"{path} is there already: give another --out, or delete it")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
