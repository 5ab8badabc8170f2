"""`logger=wandb`, offline: what its own reader finds in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kdrun.logger.wandb import WandB
from kdrun.security import trust

pytest.importorskip("wandb")

RECORD: Any = {
    "run_id": "a_run",
    "config": {"a": {"b": 1}, "c": None},
    "status": "ok",
    "metrics": {"test_accuracy": 0.5, "none": None},
    "error": "",
}


def pieces(data: bytes) -> Iterator[bytes]:
    """The records of a log in LevelDB's format, whose first block begins with a mark of 7 bytes."""
    place, whole, block = 7, b"", 2**15
    while place + 7 <= len(data):
        if block - place % block < 7:  # too little room for a head: zeros
            place += block - place % block
            continue
        length, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield whole
            whole = b""


def read(folder: Path) -> dict[str, list[Any]]:
    """The records of the one run in a folder, by kind."""
    from wandb.proto import wandb_internal_pb2 as messages

    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    found: dict[str, list[Any]] = {"history": [], "summary": [], "run": []}
    for data in pieces(file.read_bytes()):
        record = messages.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind in found:
            found[kind].append(getattr(record, kind))
    return found


def items(one: Any) -> dict[str, Any]:
    return {i.key or ".".join(i.nested_key): json.loads(i.value_json) for i in one}


def test_a_run_that_goes_on_has_each_step_once(tmp_path: Path) -> None:
    tracker = WandB(tmp_path, "names/of project")
    assert tracker.begin(RECORD, anew=False) == 0
    tracker.epoch({"epoch": 1, "loss": 9.0})  # and was killed
    tracker.run.finish()
    tracker = WandB(tmp_path, "names/of project")
    for epoch in range(tracker.begin(RECORD, anew=False) + 1, 4):
        tracker.epoch({"epoch": epoch, "loss": float(epoch), "lr": None})
    tracker.end(RECORD)
    import wandb

    wandb.teardown()  # its service writes a little later
    found = read(tmp_path)
    rows = [items(one.item) for one in found["history"]]
    assert [(row["_step"], row["loss"]) for row in rows] == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert found["run"][0].display_name == "a_run"
    assert found["run"][0].project == "names-of project"
    last = {k: v for one in found["summary"] for k, v in items(one.update).items()}
    assert last["test_accuracy"] == 0.5
    assert last["status"] == "ok"


def test_to_send_is_typed_and_modes_are_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'online'"):
        WandB(tmp_path, "x", mode="onlin")  # type: ignore[arg-type]
    trust.begin(["logger=wandb"])
    try:
        (told,) = trust.reaching({}, {"wandb": {"mode": "online"}})
        assert "to send to it, type it" in told
    finally:
        trust.end()
    trust.begin(["logger=wandb", "logger.wandb.mode=online"])
    try:
        assert list(trust.reaching({}, {"wandb": {"mode": "online"}})) == []
    finally:
        trust.end()
