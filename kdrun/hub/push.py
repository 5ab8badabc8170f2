"""`kdrun push`: a run's student to the Hugging Face hub, with its model card."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kdrun.export import FORMATS
from kdrun.export.differs import DiffersError
from kdrun.hub.place import NAME, SCHEME, hub, reason
from kdrun.security import bounds
from kdrun.terminal.printable import printable

DESCRIPTION = """Put the student of a run on the Hugging Face hub: its weights, an export that was
checked beside them, and a model card. It is private unless you say --public. Others then have it as
teacher.checkpoint=hf://OWNER/NAME."""


def main(arguments: list[str]) -> int:
    """Push a student; 2 for a mistake, 1 where the export or the hub fails."""
    parser = argparse.ArgumentParser(prog="kdrun push", description=DESCRIPTION)
    parser.add_argument("run", help="folder of a finished run, or its student.safetensors")
    parser.add_argument("repository", help="OWNER/NAME, which is made if it is not there")
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="of the export: onnx")
    parser.add_argument("--pixels", metavar="LAYOUT", help="as of kdrun export")
    parser.add_argument("--license", help="under which others may use it, as the hub calls it: mit")
    parser.add_argument("--public", action="store_true", help="for everybody to see")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be sent, send nothing"
    )
    parser.add_argument("--plugin", action="append", default=[], help="a package to trust")
    bounds.add_option(parser)
    options = parser.parse_args(arguments)
    try:
        bounds.allow(options.max_memory)
        how = Published(options.format, options.pixels, options.license, options.public)
        print(push(options.run, options.repository, how, options.plugin, options.dry_run))
    except (ValueError, OSError) as error:
        print(f"kdrun push: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    except (DiffersError, RefusedError) as error:
        print(f"kdrun push: {printable(error, lines=True)}", file=sys.stderr)
        return 1
    return 0


class RefusedError(RuntimeError):
    """The hub did not take it; what was written there before is as it was."""


class Published(NamedTuple):
    """How a student is published.

    Attributes:
        format: of its export.
        pixels: as of `kdrun.export.export`.
        license: that its card names; None for none.
        public: whether everybody sees a repository that is made for it.
    """

    format: str = "onnx"
    pixels: str | None = None
    license: str | None = None
    public: bool = False


def push(
    run: str,
    repository: str,
    how: Published = Published(),  # noqa: B008  # a value
    plugins: Sequence[str] = (),
    dry_run: bool = False,
) -> str:
    """Write what is to be sent into a folder of its own, and send it as one commit.

    Args:
        run: folder of a finished run, or a file of weights that kdrun wrote.
        repository: `OWNER/NAME`, with `hf://` or without.
        how: it is published.
        plugins: packages that the model's `_target_` may name.
        dry_run: nothing is sent.

    Returns:
        What was sent, and where it lies.

    Raises:
        ValueError: it cannot be exported, or that is no name of a repository.
        FileNotFoundError: there are no weights.
        DiffersError: the export's answers are not the student's.
        RefusedError: the hub did not take it.
    """
    name = repository.removeprefix(SCHEME)
    if not re.fullmatch(f"{NAME}/{NAME}", name):
        raise ValueError(f"{repository:.100} is no name of a repository: OWNER/NAME")
    api = hub()
    with tempfile.TemporaryDirectory() as folder:
        files = write(run, Path(folder), how, plugins)
        size = sum(file.stat().st_size for file in files) / 2**20
        listed = ", ".join(str(file.relative_to(folder)) for file in files)
        if dry_run:
            return f"{listed} ({size:.2f} MB) would go to {api.endpoint}/{name}: nothing was sent"
        try:
            api.create_repo(name, private=not how.public, exist_ok=True)
            told = api.upload_folder(
                repo_id=name, folder_path=folder, commit_message=f"kdrun push {Path(run).name}"
            )
        except Exception as error:  # of huggingface_hub, of httpx, of the system
            raise RefusedError(f"{api.endpoint}/{name} did not take it: {reason(error)}") from error
    return f"{listed} ({size:.2f} MB) in {told.commit_url}"


def write(run: str, folder: Path, how: Published, plugins: Sequence[str]) -> list[Path]:
    """Write what is to be sent; the record of the run, with its paths and commands, is not.

    Returns:
        The files, the card as README.md.
    """
    from kdrun.export import card_of, export
    from kdrun.files.checkpoint import weights_file
    from kdrun.run.folder import STUDENT

    weights = weights_file(run)
    card = folder / "README.md"
    if how.format == "hugging_face":
        inner = folder / "inner"
        export(run, how.format, str(inner), plugins)
        for file in [*inner.iterdir()]:
            file.rename(folder / file.name)
        inner.rmdir()
    else:
        suffix = {"onnx": ".onnx", "torch_export": ".pt2", "safetensors": ".weights.safetensors"}
        file = folder / f"export{suffix[how.format]}"
        export(run, how.format, str(file), plugins, pixels=how.pixels)
        card_of(file).rename(card)
    shutil.copyfile(weights, folder / STUDENT)
    if how.license:
        text = card.read_text("utf-8")
        card.write_text(text.replace("---\n", f"---\nlicense: {how.license}\n", 1), "utf-8")
    return sorted(file for file in folder.rglob("*") if file.is_file())
