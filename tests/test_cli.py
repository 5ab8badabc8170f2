"""The command line as a user meets it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kdrun.cli import COMMANDS
from tests.conftest import QUICK


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open() as file:
        return list(csv.DictReader(file))


@pytest.mark.pictures
def test_a_run_leaves_its_files_and_prints_its_row(kdrun):
    told = kdrun(*QUICK)
    assert told.status == 0, told.err
    assert "test_accuracy" in told.out
    (folder,) = Path("outputs/default").glob("distill_*")
    assert folder.name.startswith("distill_resnet8-linear_kd_digits_s0-")
    left = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert left == {
        *("record.json", "results.csv", "metrics.csv", "student.safetensors", "samples.npz"),
        *("curves.png", "confusion.png", "run.log"),
        *("classes.csv", "confusion.csv", "confusion_val.csv"),
    }
    assert (folder / ".hydra" / "config.yaml").is_file()
    (row,) = rows("outputs/default/results.csv")
    assert row["status"] == "ok"
    assert row["student"] == "linear"
    assert 0 < float(row["test_accuracy"]) < 1
    assert int(row["student_params"]) == 650
    assert row["test_mae"] == ""  # not measured, so empty


def test_the_sweep_of_the_readme_trains_each_thing_once(kdrun):
    words = ("-m", "name=first", "student=linear,mlp", "method=supervised,distill")
    words += ("teacher=resnet8", "train.epochs=1", "train.progress=false")
    assert kdrun(*words, "seed=0").status == 0
    assert len(rows("outputs/first/results.csv")) == 4
    teachers = Path("outputs/cache/teacher")
    assert len(rows(f"{teachers}/results.csv")) == 1

    states = {
        path: path.stat().st_mtime_ns for path in Path("outputs").rglob("student.safetensors")
    }
    assert kdrun(*words, "seed=0,1").status == 0
    assert len(rows("outputs/first/results.csv")) == 8
    assert len(rows(f"{teachers}/results.csv")) == 2
    assert all(path.stat().st_mtime_ns == before for path, before in states.items())

    told = kdrun("compare", "outputs/first")
    assert told.status == 0
    assert told.out.count("±") >= 4


def test_a_control_run_is_one_run_whatever_teacher_stands_beside_it(kdrun):
    words = ("-m", *QUICK[1:], "method=supervised", "teacher=resnet8,vgg8", "loss=kd,dkd")
    assert kdrun(*words).status == 0
    (row,) = rows("outputs/default/results.csv")
    assert (row["teacher"], row["loss"]) == ("", "")


def test_rerun_says_which_ended_runs_run_again(kdrun):
    kdrun(*QUICK, "method=supervised")
    (record,) = Path("outputs/default").glob("*/record.json")
    before = record.stat().st_mtime_ns
    kdrun(*QUICK, "method=supervised")
    assert record.stat().st_mtime_ns == before
    kdrun(*QUICK, "method=supervised", "rerun=all")
    assert record.stat().st_mtime_ns > before


def test_one_failing_job_is_a_row_and_the_others_go_on(kdrun):
    words = ("-m", *QUICK, "method=supervised", "train.precision=fp32")
    told = kdrun(*words, "optimizer.lr=0.1,1e38")
    assert told.status == 1
    assert "1 of 2 runs failed" in told.out
    by_status = {row["status"]: row for row in rows("outputs/default/results.csv")}
    assert by_status["ok"]["error"] == ""
    assert "NonFiniteLossError: loss term ce is not finite in epoch" in by_status["failed"]["error"]
    assert by_status["failed"]["test_accuracy"] == ""


@pytest.mark.parametrize(
    ("words", "hints"),
    [
        (["loss=kdd"], ["loss=kdd does not exist", "'kd'"]),
        (["los=kd"], ["there is no 'los'", "'loss'"]),
        (["trian.epochs=3"], ["there is no 'trian'", "'train'"]),
        (["train.epoch=3"], ["there is no 'epoch'", "'epochs'"]),
        (["lr=0.1"], ["there is no 'lr'", "'optimizer.lr'"]),
        (["epochs=3"], ["there is no 'epochs'", "'train.epochs'"]),
        (["train.epochs=many"], ["train.epochs=many", "could not be converted to Integer"]),
        (["train.epochs=-1"], ["train.epochs=-1", "not be negative"]),
        (["train.precision=bf17"], ["train.precision=bf17", "bf16"]),
        (["train.device=cuda:7"], ["train.device=cuda:7", "CUDA devices"]),
        (["loss.terms.kd.temprature=2"], ["'temprature'", "'temperature'"]),
        (["+loss.terms.kd.heat=2"], ["takes no 'heat'"]),
        (["loss.terms.kd.temperature=hot"], ["temperature='hot'", "float"]),
        (["loss.weights.kd=much"], ["loss.weights.kd", "number"]),
        (["+loss.weights.dk=1"], ["loss.weights.dk", "'kd'"]),
        (["teacher.checkpoint=/nonexistent"], ["/nonexistent does not exist", "finished run"]),
        (["student.model._target_=os.system"], ["student.model", "not allowed here", "torch.nn"]),
        (["student.model._target_=kdrun.model.resnet.ResNot"], ["does not exist", "'ResNet'"]),
        (["student=timm", "student.model.name=resnet19"], ["resnet19", "resnet18"]),
        (["dataset=npz", "dataset.path=no.npz"], ["no.npz"]),
        (["train.warmup_epochs=2"], ["train.warmup_epochs=2", "scheduler=cosine"]),
        (["fast"], ["'fast' is no command"]),
        (["epochs"], ["'epochs' is no command"]),
    ],
)
def test_a_mistake_is_one_clear_message_and_status_2(kdrun, words, hints):
    told = kdrun(*words)
    assert told.status == 2
    assert "Traceback" not in told.err
    for hint in hints:
        assert hint in told.err


def test_all_mistakes_are_told_together(kdrun):
    told = kdrun("loss=kdd", "trian.epochs=3", "train.batch_size=0", "train.ema=often")
    assert told.status == 2
    for hint in ("loss=kdd", "'trian'", "train.batch_size=0", "train.ema=often"):
        assert hint in told.err
    assert not Path("outputs/default").exists()


def test_a_mistake_in_a_sweep_is_told_before_the_first_job(kdrun):
    told = kdrun("-m", *QUICK, "loss=kd,kdd")
    assert told.status == 2
    assert "loss=kdd" in told.err
    assert not Path("outputs").exists()


def test_a_teacher_of_other_classes_is_told(kdrun):
    kdrun(*QUICK, "method=supervised")
    (run,) = Path("outputs/default").glob("supervised_*")
    weights = run / "student.safetensors"
    data = weights.read_bytes().replace(b'\\"9\\"', b'\\"x\\"')
    weights.write_bytes(data)
    told = kdrun(*QUICK, "teacher=linear", f"teacher.checkpoint={run}")
    assert told.status == 2
    assert "knows 10 classes" in told.err

    weights.write_bytes(data[:-100])
    told = kdrun(*QUICK, "teacher=linear", f"teacher.checkpoint={run}")
    assert told.status == 2
    assert "not a whole safetensors file" in told.err


def test_a_teacher_of_another_architecture_is_told(kdrun):
    kdrun(*QUICK, "method=supervised")
    (run,) = Path("outputs/default").glob("supervised_*")
    told = kdrun(*QUICK, "teacher=mlp", f"teacher.checkpoint={run}")
    assert told.status == 2
    assert "holds linear, not this MLP" in told.err


def test_list_names_what_can_be_typed(kdrun):
    told = kdrun("list", "loss")
    assert told.status == 0
    assert any(line.startswith("kd ") for line in told.out.splitlines())
    assert kdrun("list", "los").status == 2
    assert "resnet32x4" in kdrun("list", "student").out


def test_help_names_every_command_and_where_options_are_told(kdrun):
    told = kdrun("--help").out
    for command in COMMANDS:
        assert f"\n{command} " in told
    assert "kdrun options GROUP=CHOICE" in told


def test_list_names_the_launchers(kdrun):
    told = kdrun("list", "hydra/launcher").out.splitlines()
    assert [line.split()[0] for line in told] == ["basic", "local", "ray", "slurm", "together"]
    assert "hydra/launcher" in kdrun("list").out


def test_every_choice_says_in_a_line_what_it_is(kdrun):
    for group in ("dataset", "model", "loss", "method", "transfer", "optimizer", "scheduler"):
        for line in kdrun("list", group).out.splitlines():
            assert len(line.split(maxsplit=1)) == 2, line


def test_predict_reads_a_run_and_writes_a_table(kdrun, tmp_path):
    import numpy as np

    kdrun(*QUICK, "method=supervised")
    (run,) = Path("outputs/default").glob("supervised_*")
    np.savez("new.npz", x=np.zeros((3, 8, 8), np.uint8))
    assert kdrun("predict", str(run), "new.npz", "--out", "p.csv").status == 0
    table = rows("p.csv")
    assert len(table) == 3
    assert sum(float(table[0][f"p_{digit}"]) for digit in range(10)) == pytest.approx(1, abs=1e-4)
    assert kdrun("predict", "nowhere", "new.npz").status == 2
    assert kdrun("predict", str(run), "nothing.npz").status == 2


def test_nothing_heavy_is_imported_before_it_is_needed(tmp_path):
    code = (
        "import sys; sys.argv = ['kdrun', *{words!r}]\n"
        "from kdrun.cli import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        "heavy = {{'torch', 'pandas', 'sklearn', 'timm', 'matplotlib'}} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    for words in (
        *(["--help"], ["--cfg", "job"], ["list", "loss"], ["--info", "searchpath"]),
        *(["options", "loss=kd"], ["copy", "loss=kd", "mine"]),
    ):
        call = [sys.executable, "-W", "error", "-c", code.format(words=words)]
        ended = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "words", [("--cfg", "job"), ("-sc", "query=bash")], ids=["cfg", "completed"]
)
def test_few_modules_beside_those_of_hydra_are_imported(tmp_path, words):
    count = "print(len(sys.modules))"
    ours = (
        f"import io, sys, contextlib; sys.argv = {['kdrun', *words]}\n"
        "from kdrun.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    try: main()\n"
        "    except SystemExit: pass\n"
    )
    counts = [
        int(
            subprocess.run(
                [sys.executable, "-c", code + count],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "COMP_LINE": "kdrun loss=k"},
            ).stdout
        )
        for code in (ours, "import hydra, sys\n")
    ]
    assert counts[0] <= 1.25 * counts[1], counts


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("train.epochs=3", "optimizer.lr=0.1", "train.warmup_epochs=1"),
        ("dataset=table", "dataset.path=a.csv", "dataset.label=b", "dataset.keep=[a]"),
        ("dataset=table", "dataset.path=a.csv", "dataset.label=b", "dataset.dates={a: x}"),
        ("student=mlp", "name=${student.name}", "teacher.checkpoint=null"),
    ],
)
def test_a_config_is_shown_as_hydra_shows_it(kdrun, monkeypatch, words):
    shown = kdrun(*words, "--cfg", "job")
    assert shown.status == 0, shown.err
    monkeypatch.setattr("kdrun.cli._shows", lambda arguments: False)
    assert kdrun(*words, "--cfg", "job").out == shown.out


def test_a_sweep_is_not_shown_as_one_of_its_jobs(kdrun):
    assert kdrun("seed=1,2", "--cfg", "job").status == 2


def test_a_done_run_is_skipped_without_torch(kdrun, tmp_path):
    kdrun(*QUICK, "method=supervised")
    words = [*QUICK, "method=supervised"]
    code = (
        f"import sys; sys.argv = ['kdrun', *{words!r}]\n"
        "from kdrun.cli import main\n"
        "try: main()\n"
        "except SystemExit as ended: assert not ended.code\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)


def test_the_record_says_what_ran(kdrun):
    kdrun(*QUICK)
    (path,) = Path("outputs/default").glob("*/record.json")
    record = json.loads(path.read_text())
    assert record["status"] == "ok"
    assert record["config"]["loss"]["weights"] == {"ce": 0.1, "kd": 0.9}
    assert "device" not in record["config"]["train"]
    assert record["versions"]["torch"]
