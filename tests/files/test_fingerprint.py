"""Digests of files: right whatever happens to the files, and remembered only where that is sure."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from kdrun.files import fingerprint as module
from kdrun.files.fingerprint import contents, fingerprint, once


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "SMALL", 0)  # remember small files too


def write(path: Path, text: str, ago: float = 10.0) -> None:
    """Write a file as if that had been some seconds ago, as far as a process can."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = time.time_ns() - int(ago * 1e9) + 1
    os.utime(path, ns=(then, then))


def reads(monkeypatch) -> list[str]:
    """What is read from now on."""
    found: list[str] = []
    real = module._read

    def noted(paths):
        found.extend(paths)
        return real(paths)

    monkeypatch.setattr(module, "_read", noted)
    return found


def test_of_a_file_it_is_what_sha256sum_prints(tmp_path):
    write(tmp_path / "x.csv", "a,b\n")
    digest = hashlib.sha256(b"a,b\n").hexdigest()
    assert fingerprint(tmp_path / "x.csv") == digest


def test_the_name_of_a_file_and_its_times_are_no_part_of_it(tmp_path):
    write(tmp_path / "x.csv", "a", ago=5)
    write(tmp_path / "b" / "y.csv", "a", ago=500)
    assert fingerprint(tmp_path / "x.csv") == fingerprint(tmp_path / "b" / "y.csv")


def test_of_a_folder_names_and_contents_count_and_what_is_no_data_does_not(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for place in (one, other):
        write(place / "cat" / "1.png", "x")
        write(place / "dog" / "2.png", "y")
    same = fingerprint(one)
    assert same == fingerprint(other)
    write(other / ".DS_Store", "z")
    write(other / "__pycache__" / "a.pyc", "z")
    write(other / "outputs" / "run" / ".hydra" / "config.yaml", "z")
    write(other / "outputs" / "run" / "run.log", "z")
    assert same == fingerprint(other)
    write(other / "dog" / "3.png", "z")
    assert same != fingerprint(other)
    (other / "dog" / "3.png").unlink()
    (other / "dog" / "2.png").rename(other / "cat" / "2.png")
    assert same != fingerprint(other)


def test_only_what_is_below_counts_where_that_is_said(tmp_path):
    write(tmp_path / "train" / "1.png", "x")
    write(tmp_path / "notes.txt", "x")
    first = fingerprint(tmp_path, ["train", "test"])
    write(tmp_path / "notes.txt", "other")
    assert fingerprint(tmp_path, ["train", "test"]) == first
    write(tmp_path / "test" / "1.png", "x")
    assert fingerprint(tmp_path, ["train", "test"]) != first
    with pytest.raises(FileNotFoundError, match="no nothing in"):
        fingerprint(tmp_path, ["nothing"])


def test_what_has_not_changed_is_not_read_again(tmp_path, monkeypatch):
    write(tmp_path / "x.npz", "a")
    time.sleep(0.15)
    first = fingerprint(tmp_path / "x.npz")
    read = reads(monkeypatch)
    assert fingerprint(tmp_path / "x.npz") == first
    assert not read


@pytest.mark.parametrize("size", ["same", "other"])
def test_a_change_under_the_same_size_and_time_is_seen(tmp_path, size):
    path = tmp_path / "x.npz"
    write(path, "aaaa")
    time.sleep(0.15)
    first, times = fingerprint(path), os.stat(path).st_mtime_ns
    path.write_text("bbbb" if size == "same" else "bbbbb")
    os.utime(path, ns=(times, times))  # as `cp -p` does
    assert fingerprint(path) != first


def test_a_file_that_was_written_just_now_is_read_again(tmp_path, monkeypatch):
    path = tmp_path / "x.npz"
    path.write_text("a")
    fingerprint(path)
    read = reads(monkeypatch)
    fingerprint(path)
    assert read == [str(path)]


def test_within_a_sweep_a_path_is_looked_at_once(tmp_path):
    write(tmp_path / "x.csv", "a")
    with once():
        first = fingerprint(tmp_path / "x.csv")
        write(tmp_path / "x.csv", "b")
        assert fingerprint(tmp_path / "x.csv") == first
    assert fingerprint(tmp_path / "x.csv") != first


def test_a_store_that_is_damaged_or_cannot_be_written_costs_time_alone(tmp_path):
    write(tmp_path / "x.csv", "a")
    time.sleep(0.15)
    first = fingerprint(tmp_path / "x.csv")
    for table in module.store().iterdir():
        table.write_bytes(b"\xff no digest")
    assert fingerprint(tmp_path / "x.csv") == first
    for table in module.store().iterdir():
        table.unlink()
    module.store().rmdir()
    module.store().write_text("")
    assert fingerprint(tmp_path / "x.csv") == first


def test_names_that_are_no_utf8_and_links_in_a_ring(tmp_path):
    folder = tmp_path / "data"
    write(folder / "a" / "1.png", "x")
    Path(os.fsdecode(os.fsencode(folder) + b"/a/\xff.png")).write_text("y")
    (folder / "a" / "up").symlink_to(folder)
    assert len(module.files_below(folder)) == 2
    assert len(fingerprint(folder)) == 64


def test_of_many_files_each_is_its_own(tmp_path):
    paths = [str(tmp_path / "many" / f"{n}.png") for n in range(1200)]
    for n, path in enumerate(paths):
        write(Path(path), str(n))
    time.sleep(0.15)
    wanted = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(1200)]
    assert contents(paths) == wanted
    assert contents(paths) == wanted


def test_it_says_so_when_it_takes_long(tmp_path, monkeypatch, capfd):
    write(tmp_path / "x.csv", "a")
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    real = module._read
    monkeypatch.setattr(module, "_read", lambda paths: (time.sleep(0.1), real(paths))[1])
    fingerprint(tmp_path / "x.csv")
    assert "looking whether anything of" in capfd.readouterr().err
