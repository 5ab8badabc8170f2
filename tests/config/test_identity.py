"""What a run is: what lies where its settings point, and the code of its plugins."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from kdrun.config import identity
from kdrun.results.record import load_record, read_results
from kdrun.run import life

QUICK = ("method=supervised", "student=linear", "train.epochs=1", "train.progress=false")


def rows(path: Path, seed: int = 0, flip: bool = False) -> None:
    """A table of 60 rows, of which the sign of one column is the class."""
    x = np.random.default_rng(seed).standard_normal((60, 3))
    label = (x[:, 0] > 0) ^ flip
    lines = [",".join([*(f"{v:.4f}" for v in row), "ab"[int(y)]]) for row, y in zip(x, label)]  # noqa: B905
    path.write_text("\n".join(["x,y,z,label", *lines]) + "\n")


def table(path: str) -> tuple[str, ...]:
    return ("dataset=table", f"dataset.path='{path}'", "dataset.label=label", *QUICK)


def records() -> dict[str, dict]:
    return {
        str(run.parent): load_record(run.parent) for run in Path().glob("outputs/*/*/record.json")
    }


def test_a_path_is_what_lies_there_however_it_is_spelled(kdrun):
    rows(Path("x.csv"))
    assert kdrun(*table("x.csv")).status == 0
    for other in ("./x.csv", str(Path("x.csv").resolve()), "../" + Path.cwd().name + "/x.csv"):
        told = kdrun(*table(other))
        assert "done before, on 20" in told.out
        assert "(rerun=all repeats)" in told.out
        assert all(len(line) <= 80 for line in told.out.splitlines())
    assert len(records()) == 1


def test_a_corrected_table_is_another_run(kdrun):
    rows(Path("x.csv"))
    kdrun(*table("x.csv"))
    rows(Path("x.csv"), flip=True)
    told = kdrun(*table("x.csv"))
    assert "done before" not in told.out
    first, second = records().values()
    assert first["config"] == second["config"]
    assert first["identity"] != second["identity"]
    assert first["files"]["dataset.path"]["sha256"] != second["files"]["dataset.path"]["sha256"]
    rows(Path("x.csv"))  # as it was
    assert "done before" in kdrun(*table("x.csv")).out
    in_table = {row["identity"] for row in read_results("outputs/default/results.csv")}
    assert in_table == {first["identity"], second["identity"]}


def test_a_sweep_does_not_take_rows_of_older_data(kdrun):
    rows(Path("x.csv"))
    words = ("-m", *table("x.csv"), "seed=0,1")
    assert "2 of 2 runs ok\n" in kdrun(*words).out
    assert "2 of 2 runs ok, 2 of them before" in kdrun(*words).out
    rows(Path("x.csv"), flip=True)
    assert "2 of 2 runs ok\n" in kdrun(*words).out
    assert len(records()) == 4


def test_a_folder_with_one_more_photo_is_another_run(kdrun, tmp_path):
    for part in ("train", "test"):
        for name, grey in (("dark", 0), ("light", 255)):
            folder = Path("photos", part, name)
            folder.mkdir(parents=True)
            for number in range(6):
                Image.new("L", (8, 8), abs(grey - 5 * number)).save(folder / f"{number}.png")
    words = ("dataset=image_folder", "dataset.root=photos", "dataset.image_size=8", *QUICK)
    assert kdrun(*words, "dataset.workers=0").status == 0
    assert "done before" in kdrun(*words, "dataset.workers=0").out
    (first,) = records().values()
    # The test images change under their names: another run, on other test data.
    for number in range(6):
        noise = np.random.default_rng(number).integers(0, 255, (8, 8), np.uint8)
        Image.fromarray(noise).save(f"photos/test/dark/{number}.png")
    assert "done before" not in kdrun(*words, "dataset.workers=0").out
    second = next(one for one in records().values() if one["identity"] != first["identity"])
    assert first["run"]["test_hash"] != second["run"]["test_hash"]
    assert first["run"]["split"] == second["run"]["split"]


PLUGIN = """
from torch import nn
from mine.parts import BIAS


class Own(nn.Module):
    def __init__(self, in_features: int, num_classes: int) -> None:
        super().__init__()
        self.fc = nn.Linear(in_features, num_classes, bias=BIAS)

    def forward(self, x):
        return self.fc(x)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "net.py").write_text(PLUGIN)
    (package / "parts.py").write_text("BIAS = True\n")
    (package / "unused.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    forget_plugin()


def forget_plugin() -> None:
    """As in a process of its own, which imports what lies there now."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def test_an_edited_plugin_is_another_run(kdrun, plugin):
    rows(Path("x.csv"))
    Path("conf/student").mkdir(parents=True)
    model = "{_target_: mine.net.Own, in_features: 3}"
    Path("conf/student/own.yaml").write_text(f"name: own\nmodel: {model}\ncheckpoint: null\n")
    words = ("--config-dir", "conf", "plugins=[mine]", *table("x.csv"), "student=own")
    assert kdrun(*words).status == 0
    assert "done before" in kdrun(*words).out
    (plugin / "unused.py").write_text("X = 1\n")
    forget_plugin()
    assert "done before" in kdrun(*words).out
    (plugin / "parts.py").write_text("BIAS = False\n")  # which the class imports
    forget_plugin()
    told = kdrun(*words)
    assert told.status == 0
    assert "done before" not in told.out
    first, second = sorted(
        records().values(), key=lambda record: record["metrics"]["student_params"]
    )
    assert first["config"] == second["config"]
    assert first["identity"] != second["identity"]
    assert {key for key in first["code"] if first["code"][key] != second["code"][key]} == {
        "mine.parts"
    }
    assert second["metrics"]["student_params"] - first["metrics"]["student_params"] == 2
    (plugin / "parts.py").write_text("BIAS = True\n")
    forget_plugin()
    assert "done before" in kdrun(*words).out


@pytest.mark.parametrize("key", ["dataset.name", "name"])
def test_folder_names_are_bounded(kdrun, key):
    rows(Path("x.csv"))
    long = "n" * 230
    assert kdrun(*table("x.csv"), f"{key}={long}", "method=mutual", "loss=kd").status == 0
    for path in Path("outputs").rglob("*"):
        assert len(path.name.encode()) <= 255


def test_a_file_of_230_characters_has_a_run(kdrun):
    long = "ü" * 115
    rows(Path(f"{long}.csv"))
    assert kdrun(*table(f"{long}.csv")).status == 0


def test_two_identities_with_one_short_name_have_two_folders(kdrun, monkeypatch):
    monkeypatch.setattr(identity, "DIGITS", 0)  # so that every two runs collide
    rows(Path("x.csv"))
    one, other = (*table("x.csv"), "optimizer.lr=1.25e-8"), (*table("x.csv"), "optimizer.lr=0.0341")
    kdrun(*one)
    assert "done before" not in kdrun(*other).out
    assert {r["config"]["optimizer"]["lr"] for r in records().values()} == {1.25e-8, 0.0341}
    assert "done before" in kdrun(*one).out
    assert "done before" in kdrun(*other).out


def test_a_folder_that_holds_another_run_is_neither_taken_nor_overwritten(kdrun):
    rows(Path("x.csv"))
    place = "hydra.run.dir=here"
    assert kdrun(*table("x.csv"), place).status == 0
    before = Path("here/record.json").read_bytes()
    for again in ("rerun=failed", "rerun=all"):
        told = kdrun(*table("x.csv"), place, "seed=1", again)
        assert told.status == 2
        assert "here holds another run" in told.err
    told = kdrun("-m", *table("x.csv"), "seed=1,2", "hydra.sweep.dir=.", "hydra.sweep.subdir=here")
    assert told.status == 2
    assert Path("here/record.json").read_bytes() == before


def test_weights_that_are_not_those_of_the_record_are_trained_again(kdrun):
    rows(Path("x.csv"))
    kdrun(*table("x.csv"))
    ((folder, record),) = records().items()
    weights = Path(folder, "student.safetensors")
    right = weights.read_bytes()
    weights.write_bytes(right[:-8] + bytes(8))
    told = kdrun(*table("x.csv"))
    assert "student.safetensors is not the one that its record tells of" in told.out + told.err
    assert weights.read_bytes() == right
    # That they are gone is no reason to train again: the row stands.
    weights.unlink()
    assert "done before" in kdrun(*table("x.csv")).out
    assert (
        record["weights_sha256"]
        == json.loads(Path(folder, "record.json").read_text())["weights_sha256"]
    )


def test_a_record_names_the_weights_that_its_run_learnt_from(kdrun):
    rows(Path("x.csv"))
    words = (*table("x.csv"), "method=distill", "loss=kd", "teacher=mlp", "teacher.recipe.epochs=1")
    assert kdrun(*words).status == 0
    (record,) = records().values()
    (teacher,) = (load_record(p.parent) for p in Path("outputs/cache").glob("*/*/record.json"))
    (named,) = record["teachers"]
    assert named["name"] == "mlp"
    assert Path(named["path"]).name == teacher["run_id"]
    assert named["weights_sha256"] == teacher["weights_sha256"]
    assert named["identity"] == teacher["identity"]


DISTIL = ("method=distill", "loss=kd", "teacher=mlp", "teacher.recipe.epochs=1")


def teachers() -> dict[str, dict]:
    return {
        str(p.parent): load_record(p.parent) for p in Path("outputs/cache").glob("*/*/record.json")
    }


def test_a_zeroed_cached_teacher_is_told_and_trained_again(kdrun):
    rows(Path("x.csv"))
    assert kdrun(*table("x.csv"), *DISTIL).status == 0
    ((folder, before),) = teachers().items()
    weights = Path(folder, "student.safetensors")
    right = weights.read_bytes()
    with safe_open(weights, framework="pt") as file:
        said = file.metadata()
    zeroed = {name: torch.zeros_like(value) for name, value in load_file(weights).items()}
    save_file(zeroed, weights, said)
    told = kdrun(*table("x.csv"), *DISTIL, "seed=1", "teacher.seed=0")
    assert told.status == 0
    assert "is not the one that its record tells of, so it is trained again" in told.out + told.err
    assert weights.read_bytes() == right
    assert teachers()[folder]["weights_sha256"] == before["weights_sha256"]


def test_only_rerun_teachers_trains_a_cached_teacher_again_and_once_a_command(kdrun):
    rows(Path("x.csv"))
    words = (*table("x.csv"), *DISTIL)
    assert "training teacher mlp" in kdrun(*words).out
    told = kdrun(*words, "rerun=all")
    assert "training student linear" in told.out
    assert "training teacher" not in told.out
    assert "(rerun=teachers trains it again)" in told.out
    told = kdrun("-m", *words, "loss.weights.kd=0.5,0.9", "rerun=teachers")
    assert told.status == 0, told.err
    assert told.out.count("training teacher mlp") == 1
    assert told.out.count("training student linear") == 2


def test_a_yaml_that_is_edited_while_a_sweep_runs_lands_under_no_old_name(kdrun, monkeypatch):
    rows(Path("x.csv"))
    yaml = Path("conf/optimizer/mine.yaml")
    yaml.parent.mkdir(parents=True)
    text = "_target_: torch.optim.SGD\nlr: "
    yaml.write_text(f"{text}0.01\n")
    real = life.collect

    def edit(folder):
        yaml.write_text(f"{text}0.5\n")  # as soon as the first job has ended
        return real(folder)

    monkeypatch.setattr(life, "collect", edit)
    words = ("--config-dir", "conf", *table("x.csv"), "optimizer=mine")
    assert kdrun("-m", *words, "seed=0,1").status == 0  # each is what it was when planned
    found = [(r["config"]["optimizer"]["lr"], r["config"]["seed"]) for r in records().values()]
    assert sorted(found) == [(0.01, 0), (0.01, 1)]
    planned = next(r["identity"] for r in records().values() if r["config"]["seed"] == 1)
    monkeypatch.setattr(life, "collect", real)
    # A process that is started for a job reads the yaml anew.
    told = kdrun(*words, "seed=1", f"job.identity='{planned}'")
    assert told.status != 0
    assert "has changed since its sweep began" in told.out + told.err
    assert kdrun("-m", *words, "seed=0,1").status == 0
    found = [(r["config"]["optimizer"]["lr"], r["config"]["seed"]) for r in records().values()]
    assert sorted(found) == [(0.01, 0), (0.01, 1), (0.5, 0), (0.5, 1)]


def test_a_table_that_is_edited_while_a_sweep_runs_ends_the_jobs_that_would_read_it(
    kdrun, monkeypatch
):
    rows(Path("x.csv"))
    real = life.collect

    def edit(folder):
        rows(Path("x.csv"), seed=1)
        return real(folder)

    monkeypatch.setattr(life, "collect", edit)
    told = kdrun("-m", *table("x.csv"), "seed=0,1")
    assert told.status != 0
    assert "has changed since its sweep began" in told.out + told.err
    assert [r["config"]["seed"] for r in records().values()] == [0]
