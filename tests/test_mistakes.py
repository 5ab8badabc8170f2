"""A mistake is told once, with status 2, before anything is written: no row, no folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from kdrun.files import checkpoint
from tests.conftest import QUICK

PLAIN = (*QUICK[1:], "method=supervised")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train.epochs=-1"], "train.epochs=-1"),
        (["optimizer.lr=-1"], "learning rate"),
        (["dataset=npz", "dataset.path=none.npz"], "none.npz"),
        (["dataset=table", "dataset.path=t.csv", "dataset.label=nope"], "nope"),
        (["+dataset.augment.foo=1"], "foo"),
        (["+foo=1"], "foo: nothing reads this key"),
        (["+lr=1"], "did you mean 'optimizer.lr'?"),
        (["epochs=3"], "did you mean 'train.epochs'?"),
        (["+train.epoch=3"], "did you mean 'epochs'?"),
        (["++loss.term=3"], "did you mean 'terms'?"),
        (["+teacher.seeds=1"], "did you mean 'seed'?"),
        (["teacher.recipe.lr=-2", "method=distill"], "teacher.recipe.lr=-2"),
        (["teacher.recipe.epochs=-2", "method=distill"], "teacher.recipe.epochs=-2"),
        (["scheduler.pct_start=3"], "pct_start"),
        (["dataset.augment.rotate=-4"], "rotate=-4"),
        (
            ["method=distill", "loss.weights={ce: 0, kd: {value: 1, until: 1}}", "train.epochs=3"],
            "epoch 2",
        ),
        (["teacher=recorded", "teacher.path=none.csv", "method=distill"], "none.csv"),
    ],
)
def test_it_leaves_nothing_and_is_told_once(kdrun, words, told):
    Path("t.csv").write_text("a,b,y\n" + "".join(f"{i},{i % 3},{i % 2}\n" for i in range(40)))
    ended = kdrun(*PLAIN, *words)
    assert ended.status == 2
    text = ended.out + ended.err
    (line,) = [line for line in text.splitlines() if told in line]
    assert line.startswith("kdrun: ")
    assert not Path("outputs").exists()


def test_in_a_sweep_what_the_data_say_is_a_row(kdrun):
    ended = kdrun("-m", *PLAIN, "dataset=npz", "dataset.path=none.npz,no.npz")
    assert ended.status == 1
    with Path("outputs/default/results.csv").open() as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["failed", "failed"]


def test_a_key_of_only_some_jobs_of_a_sweep_is_told_with_what_is_there(kdrun):
    ended = kdrun("-m", *PLAIN[1:], "student=transformers,mlp", "student.model.name=x")
    assert ended.status == 2
    assert "student=mlp: student.model.name: there is no 'name' here; allowed: " in ended.err
    assert "struct" not in ended.err


def test_a_key_that_another_refers_to_is_read(kdrun):
    assert kdrun(*PLAIN, "+size=32", "train.batch_size=${size}", "dry_run=true").status == 0


def test_what_was_there_stays(kdrun):
    """A mistake made with a run that ended badly leaves that as it is."""
    assert kdrun(*PLAIN, "train.precision=fp32", "optimizer.lr=1e38").status == 1
    (path,) = Path("outputs/default").glob("*/record.json")
    before = path.read_bytes()
    assert kdrun(*PLAIN, "optimizer.lr=-1").status == 2
    assert path.read_bytes() == before
    assert len(list(Path("outputs/default").glob("*/record.json"))) == 1


def test_an_interrupted_run_is_called_so_and_goes_on(kdrun, monkeypatch):
    real, calls = checkpoint.save_state, []

    def interrupted(path, state):
        real(path, state)
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("kdrun.run.course.save_state", interrupted)
    words = (*PLAIN[1:], "student=linear", "train.epochs=2")
    told = kdrun(*words)
    assert told.status == 130
    assert (told.out + told.err).count("interrupted") == 1
    (path,) = Path("outputs/default").glob("*/record.json")
    assert json.loads(path.read_text())["status"] == "interrupted"
    assert "interrupted" in Path("outputs/default/results.csv").read_text()
    assert kdrun("compare", "outputs/default").status == 2  # there is nothing to compare yet
    told = kdrun(*words)
    assert told.status == 0
    assert "continuing after epoch 1" in told.out
    assert json.loads(path.read_text())["status"] == "ok"


def test_version_is_ours(kdrun):
    told = kdrun("--version")
    assert (told.status, told.out.split()[0]) == (0, "kdrun")
