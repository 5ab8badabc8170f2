"""kdrun from Python does what the command line does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import kdrun
from kdrun.api import overrides

QUICK = {"student": "linear", "train": {"epochs": 1, "progress": False}, "estimate": False}
NOTEBOOK = Path(__file__).parents[1] / "examples" / "python.ipynb"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_importing_kdrun_imports_nothing_else():
    code = (
        "import sys, kdrun\n"
        "assert not {'torch', 'hydra', 'pandas', 'omegaconf'} & set(sys.modules)\n"
        "assert callable(kdrun.run) and callable(kdrun.compare) and callable(kdrun.load)\n"
        "import kdrun.run.life\n"
        "assert callable(kdrun.run)\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_arguments_are_words_of_the_command():
    words = overrides({"seed": (0, 1), "train": {"epochs": 3, "ema": None}, "loss": ["kd", "at"]})
    assert words == ["seed=0,1", "train.epochs=3", "train.ema=null", "loss=[kd,at]"]
    assert overrides({"dataset": {"path": Path("a b.csv")}}) == ["dataset.path='a b.csv'"]
    assert overrides({"train": {"compile": True}}) == ["train.compile=true"]


def test_a_run_is_the_record_that_the_command_writes(request):
    record = kdrun.run("method=supervised", **QUICK)
    assert record["status"] == "ok"
    folder = Path(record["run_dir"])
    written = json.loads((folder / "record.json").read_text())
    assert written["metrics"]["test_accuracy"] == record["metrics"]["test_accuracy"]
    assert (folder / ".hydra" / "overrides.yaml").is_file()
    assert (folder / "run.log").read_text()

    words = ("student=linear", "train.epochs=1", "train.progress=false", "method=supervised")
    told = request.getfixturevalue("kdrun")(*words)
    assert "done before" in told.out
    assert kdrun.run("method=supervised", **QUICK)["identity"] == record["identity"]


def test_a_mistake_is_a_value_error_with_the_nearest_name():
    with pytest.raises(ValueError, match=r"did you mean 'optimizer\.lr'"):
        kdrun.run(lr=0.1)
    with pytest.raises(ValueError, match=r"take kdrun\.sweep"):
        kdrun.run("cv.folds=3", **QUICK)
    assert not Path("outputs").exists()


def test_logging_is_left_as_it_was():
    import logging

    before = logging.getLogger().handlers[:]
    kdrun.run("method=supervised", **QUICK)
    assert logging.getLogger().handlers == before


def test_a_sweep_is_the_table_of_its_experiment_and_can_be_compared():
    table = kdrun.sweep("method=supervised", seed=(0, 1), name="two", **QUICK)
    assert table["seed"].tolist() == [0, 1]
    assert set(table["status"]) == {"ok"}
    found = kdrun.compare("outputs/two")
    assert found["n"].tolist() == [2]
    assert found["test_accuracy"][0] == pytest.approx(table["test_accuracy"].mean())
    assert found.attrs["notes"]


def test_a_loaded_student_answers_about_raw_inputs():
    student = kdrun.load(kdrun.run("method=supervised", **QUICK))
    images = np.random.default_rng(0).integers(0, 255, (3, 8, 8), dtype=np.uint8)
    table = student.predict(images)
    logits = student(torch.from_numpy(images)[:, None])
    assert table["class"].astype(str).tolist() == [
        student.classes[place] for place in logits.argmax(1).tolist()
    ]
    np.testing.assert_allclose(
        table[[f"p_{name}" for name in student.classes]].to_numpy(),
        logits.softmax(1).detach().numpy(),
        atol=1e-4,
    )


def test_a_loaded_student_reads_a_data_frame_of_its_columns():
    import pandas as pd

    rows = pd.DataFrame({"age": range(40), "sex": ["m", "f"] * 20, "sick": ["yes", "no"] * 20})
    rows.to_csv("people.csv", index=False)
    settings = {"dataset": "table", "dataset.path": "people.csv", "dataset.label": "sick"}
    student = kdrun.load(kdrun.run("method=supervised", **settings, **QUICK))
    assert set(student.predict(rows[["age", "sex"]])["class"]) <= {"yes", "no"}


def test_the_notebook_runs():
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 4
    names: dict[str, object] = {}
    for cell in code:
        exec(compile(cell, str(NOTEBOOK), "exec"), names)
    assert "table" in names
