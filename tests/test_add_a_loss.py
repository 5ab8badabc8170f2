"""CONTRIBUTING.md keeps its word: its three files, in a folder of one's own, are a loss."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forked import Forked

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
SECTION = re.search(r"^## Adding a loss.*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
assert SECTION
FILES = re.findall(r"^\*\*The .*?\*\*, `(.+?)`.*?```\w+\n(.*?)```", SECTION[0], re.M | re.S)
COMMANDS = re.findall(r"^```sh\n(.*?)```", SECTION[0], re.M | re.S)


def do(command: str, folder: Path) -> str:
    """Run a line of the page as a user would, in `folder`; commands of kdrun in a fork."""
    words = shlex.split(command)
    assert words[:2] == ["python", "-m"]
    if words[2] == "kdrun":
        with Forked(*words[3:], folder=folder) as command_of_kdrun:
            told, _ = command_of_kdrun.communicate()
            assert command_of_kdrun.returncode == 0, told
        return told
    done = subprocess.run(
        [sys.executable, *words[1:]],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(file: Path) -> list[dict[str, str]]:
    with file.open() as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's three files, and nothing else."""
    place = tmp_path_factory.mktemp("mine")
    for name, text in FILES:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def test_the_page_has_three_files() -> None:
    names = [name for name, _ in FILES]
    assert names == ["huber.py", "configs/loss/huber.yaml", "test_huber.py"]


def test_the_page_does_what_it_says(folder: Path) -> None:
    tests, listing, sweep = COMMANDS[0].strip().splitlines()
    assert "3 passed" in do(tests, folder)
    assert "Huber 1964" in do(listing, folder)

    do(sweep, folder)
    table = folder / "outputs" / "default" / "results.csv"
    found = rows(table)
    assert sorted(row["loss"] for row in found) == ["huber", "kd+huber"]
    for row in found:
        assert row["status"] == "ok"
        assert float(row["test_accuracy"]) > 0
        (epoch,) = rows(table.parent / row["run_dir"] / "metrics.csv")
        assert any("huber" in column and float(value) > 0 for column, value in epoch.items())


def test_it_is_refused_from_a_package_nobody_declared(folder: Path) -> None:
    with Forked("--config-dir", "configs", "loss=huber", folder=folder) as command:
        told, _ = command.communicate()
    assert command.returncode == 2
    assert "plugins=[huber]" in told
