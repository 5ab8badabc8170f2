"""How long runs take is remembered, and what is broken in that memory is not missed."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from kdrun.run import pace
from kdrun.run.pace import Pace, Stopwatch, place, recall, remember

FIRST = Pace(begin=3.0, epoch=1.0, end=2.0, wants=("a", "b"), imports=5.0)
LATER = Pace(begin=1.0, epoch=1.0, end=0.5, wants=("a", "b"))


def test_what_is_remembered_is_recalled(tmp_path: Path) -> None:
    remember(tmp_path / "kind.json", FIRST, first=True)
    assert recall(tmp_path / "kind.json", first=True) == FIRST
    assert recall(tmp_path / "kind.json", first=False) == FIRST  # better than nothing


def test_what_the_first_run_of_a_process_loads_counts_once_for_it(tmp_path: Path) -> None:
    remember(tmp_path / "kind.json", FIRST, first=True)
    remember(tmp_path / "kind.json", LATER, first=False)
    assert recall(tmp_path / "kind.json", first=True) == FIRST
    assert recall(tmp_path / "kind.json", first=False) == LATER._replace(imports=8.5)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"first": 3}', '{"first": {"begin": "x"}}', '{"first": {"begin": -1}}'],
)
def test_what_is_broken_is_not_known(tmp_path: Path, content: str) -> None:
    (tmp_path / "kind.json").write_text(content)
    assert recall(tmp_path / "kind.json", first=True) is None
    remember(tmp_path / "kind.json", FIRST, first=True)
    assert recall(tmp_path / "kind.json", first=True) == FIRST


def test_a_home_that_cannot_be_written_to_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    remember(tmp_path / "file" / "kind.json", FIRST, first=True)
    assert recall(tmp_path / "file" / "kind.json", first=True) is None


def test_other_threads_and_devices_have_paces_of_their_own() -> None:
    found = {
        place("a", 1, "cpu"),
        place("a", 2, "cpu"),
        place("a", 1, "cuda"),
        place("b", 1, "cpu"),
    }
    assert len(found) == 4


def test_a_stopwatch_takes_each_part_for_itself(tmp_path: Path, monkeypatch) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(pace.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(pace, "place", lambda *_: tmp_path / "kind.json")
    monkeypatch.setattr("kdrun.sweep.kinds.kind", lambda config: "kind")
    config = OmegaConf.create({"train": {"devices": 1, "nodes": 1, "device": "cpu", "epochs": 3}})
    watch, told = Stopwatch(config), []
    watch.built()
    each = watch.watching(told.append)
    for epoch in range(3):
        each({"epoch": epoch})
        if epoch == 1:  # the end is not known yet
            assert recall(tmp_path / "kind.json", first=True).end == 10
    watch.trained()
    watch.ended(3, 2)
    assert len(told) == 3
    found = recall(tmp_path / "kind.json", first=True)
    assert (found.begin, found.epoch, found.end, found.epochs, found.students) == (
        10,
        10,
        5,
        None,
        2,
    )


def test_a_run_that_shares_its_cores_is_no_rule(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("KDRUN_CROWDED", "1")
    monkeypatch.setattr(pace, "place", lambda *_: tmp_path / "kind.json")
    config = OmegaConf.create({"train": {"devices": 1, "nodes": 1, "device": "cpu", "epochs": 0}})
    watch = Stopwatch(config)
    watch.ended(0, 1)
    assert not (tmp_path / "kind.json").exists()
