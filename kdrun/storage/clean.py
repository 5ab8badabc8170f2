"""`kdrun clean`: leftovers and caches removed, after a list of them and a question.

Nothing of a finished run goes but the checkpoint it has no more use for, and nothing of a run that
somebody is at.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from kdrun.files.lock import owner
from kdrun.results.record import TABLE, collect
from kdrun.run.folder import LOCK
from kdrun.storage.du import table, volume
from kdrun.storage.find import CACHES, LEFT_OVER, Item, Kind, found, parts
from kdrun.sweep import CLAIM
from kdrun.terminal.printable import printable

SHOWN = 20
"""Paths that are listed one by one."""


def main(arguments: list[str]) -> int:
    """Remove what was asked for; returns the exit status."""
    options = _parser().parse_args(arguments)
    kinds = {*LEFT_OVER}
    kinds |= {Kind.unfinished} if options.unfinished else set()
    kinds |= {Kind.cache} if options.cache else set()
    kinds |= {Kind.home} if options.home else set()
    try:
        items = found(options.folder)
    except OSError as error:
        print(f"kdrun clean: {printable(error, lines=True)}", file=sys.stderr)
        return 2
    around = items
    if options.cache and any((options.folder / name).is_dir() for name in CACHES):
        around = found(options.folder.resolve().parent)  # the runs that may want this cache
    busy = [item.path for item in around if item.kind is Kind.busy]
    if busy and options.cache:
        kinds.discard(Kind.cache)
        whose = owner(busy[0] / LOCK)
        print(f"the cache stays: a run may want it, {printable(busy[0])} ({whose})")
    going = [item for item in items if item.kind in kinds]
    if not going:
        print("nothing to remove; kdrun du tells what lies there")
        return 0
    print(table(going))
    print(*(f"  {printable(item.path)}" for item in going[:SHOWN]), sep="\n")
    if len(going) > SHOWN:
        print(f"  and {len(going) - SHOWN} more")
    if options.dry_run:
        print("nothing was removed: dry run")
        return 0
    if not options.yes and not _agreed():
        return 2
    gone = list(_remove(going))
    print(f"removed {len(gone)} of {len(going)}, {volume(sum(item.size for item in gone))}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kdrun clean",
        description="Remove checkpoints of finished runs (but for those that "
        "train.keep_checkpoint kept), folders of runs that never began, and temporary files of "
        "killed processes. All else goes only by its flag; results of finished runs never do.",
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path("outputs"), metavar="DIR", help="outputs"
    )
    parser.add_argument(
        "--unfinished",
        action="store_true",
        help="also runs that failed, were pruned, stopped or cut off",
    )
    parser.add_argument(
        "--cache", action="store_true", help="also cached teachers, features and latencies"
    )
    parser.add_argument("--home", action="store_true", help="also kdrun's part of the user's cache")
    parser.add_argument("--dry-run", action="store_true", help="list it, and remove nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def _agreed() -> bool:
    """Whether the user says so; nobody there to ask is a no."""
    if not sys.stdin.isatty():
        print("nothing was removed: nobody is there to ask, so say --yes", file=sys.stderr)
        return False
    try:
        answer = input("remove these? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        print("nothing was removed")
        return False
    return True


def _remove(items: Sequence[Item]) -> Iterator[Item]:
    """Remove things that are still what they were, and yield those that are gone."""
    tables = set()
    for item in items:
        try:
            if item.run is None:
                _delete(item.path)
            else:
                _from_run(item, item.run)
                if item.path == item.run:
                    tables.add(item.run.parent)
            yield item
        except Timeout:
            print(f"left, for somebody is at it: {printable(item.path)}", file=sys.stderr)
        except OSError as error:
            print(f"left: {printable(error, lines=True)}", file=sys.stderr)
    for folder in tables:
        if (folder / TABLE).exists():
            collect(folder)


def _from_run(item: Item, run_dir: Path) -> None:
    """Remove a run, or something of it, while nobody else can take it.

    Raises:
        Timeout: somebody is at it by now.
    """
    claim, lock = (
        FileLock(run_dir / CLAIM, blocking=False),
        FileLock(run_dir / LOCK, blocking=False),
    )
    with claim, lock:
        for now in list(parts(run_dir)):
            if now.path == item.path and (now.kind is item.kind or item.kind is Kind.cache):
                _delete(item.path)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
