"""A teacher whose weights somebody pushed to the hub, in a whole run."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from kdrun.hub.push import Published, push
from kdrun.model import build, weights
from tests.conftest import QUICK
from tests.hub.stand_in import Hub

LINEAR = {"_target_": "kdrun.model.linear.Linear"}


def test_it_teaches_and_the_run_is_named_by_its_commit(kdrun, hub: Hub) -> None:
    torch.manual_seed(0)
    network = build(LINEAR, num_classes=10, shape=(1, 8, 8), mean=[0.3], std=[0.4])
    facts = {"classes": [*"0123456789"], "shape": (1, 8, 8)}
    weights.save(Path("mine.safetensors"), network, "linear", LINEAR, **facts)  # type: ignore[arg-type]
    push("mine.safetensors", "me/tiny", Published("safetensors"))
    taught = ("teacher=linear", "teacher.checkpoint=hf://me/tiny", "dataset=digits", *QUICK[1:])
    told = kdrun(*taught)
    assert told.status == 0, told.err
    (record,) = Path("outputs/default").glob("distill_*/record.json")
    found = json.loads(record.read_text())
    assert found["files"]["teacher.checkpoint"]["path"] == "hf://me/tiny"
    assert hub.commit("models/me/tiny") in found["teachers"][0]["path"]
    count = len(hub.asked)
    assert kdrun(*taught).status == 0  # it is done, and nobody is asked
    assert len(hub.asked) == count
    assert len([*Path("outputs/default").glob("distill_*")]) == 1
