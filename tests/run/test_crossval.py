"""Cross-validation as a user meets it: on the command line."""

from __future__ import annotations

import csv
import json
import statistics
from pathlib import Path

import pytest

QUICK = ("method=supervised", "student=linear", "train.epochs=1", "train.progress=false")


def rows() -> list[dict[str, str]]:
    with Path("outputs/default/results.csv").open() as file:
        return list(csv.DictReader(file))


def test_one_command_is_a_run_for_each_fold_and_their_mean(kdrun):  # type: ignore[no-untyped-def]
    told = kdrun("dataset.split_seed=3", "cv.folds=3", *QUICK)
    assert told.status == 0, told.err
    found = rows()
    assert [row["fold"] for row in found] == ["0", "1", "2"]
    assert len({row["test_hash"] for row in found}) == 3
    last = told.out.splitlines()[-4:]
    values = [100 * float(row["test_accuracy"]) for row in found]
    assert [line.split()[:2] for line in last[:3]] == [
        [str(fold), f"{value:.2f}"] for fold, value in enumerate(values)
    ]
    mean, std = statistics.mean(values), statistics.stdev(values)
    assert last[3].startswith("mean ± std")
    assert f" {mean:.2f} ± {std:.2f} " in last[3]
    again = kdrun("dataset.split_seed=3", "cv.folds=3", *QUICK)
    assert "3 of 3 runs ok, 3 of them before" in again.out
    compared = kdrun("compare", "outputs/default")
    assert f"{mean:.2f} ± {std:.2f}" in compared.out
    assert "averaged over fold (0, 1, 2)" in compared.out


def test_a_fold_alone_is_one_run_of_the_same_folder(kdrun):  # type: ignore[no-untyped-def]
    assert kdrun("cv.folds=3", "cv.fold=1", *QUICK).status == 0
    (only,) = rows()
    assert "_f1-" in only["run_dir"]
    assert "1 of them before" in kdrun("-m", "cv.folds=3", "cv.fold=0,1", *QUICK).out


def test_a_sweep_has_every_fold_of_every_job_and_a_line_for_each(kdrun):  # type: ignore[no-untyped-def]
    told = kdrun("-m", "cv.folds=2", "seed=0,1", "student=linear,mlp", *QUICK[:1], *QUICK[2:])
    assert told.status == 0, told.err
    assert len(rows()) == 8
    assert "averaged over seed (0, 1); fold (0, 1)" in told.out


def test_a_teacher_sees_no_sample_of_the_fold(kdrun):  # type: ignore[no-untyped-def]
    words = ("cv.folds=2", "teacher=linear", *QUICK[1:])
    assert kdrun(*words).status == 0
    teachers = [json.loads(p.read_text()) for p in Path("outputs/cache").glob("*/*/record.json")]
    assert {t["run"]["fold"] for t in teachers} == {0, 1}
    assert {t["run"]["test_hash"] for t in teachers} == {row["test_hash"] for row in rows()}


def test_errors_are_averaged_in_regression(kdrun):  # type: ignore[no-untyped-def]
    told = kdrun("dataset=diabetes", "cv.folds=2", *QUICK)
    assert told.status == 0, told.err
    assert "test_rmse" in told.out.splitlines()[-5]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("cv.folds=1",), "cv.folds=1: must be at least 2"),
        (("cv.fold=1",), "cv.fold=1: of how many?"),
        (("cv.folds=3", "cv.fold=3"), "cv.fold=3: must be 0 to 2"),
        (("cv.folds=many",), "could not be converted to Integer"),
        (("cv.fold=1", "cv.folds=3", "dataset.nam=x"), "there is no 'nam' here"),
        (("dataset=table", "cv.folds=3"), "dataset.path is not set"),
        (
            ("dataset=table", "dataset.path=t.csv", "dataset.label=b", "cv.folds=3"),
            "one class only",
        ),
        (("dataset=mine", "plugins=[sets]", "cv.folds=2", "--config-dir", "mine"), "'fold'"),
    ],
)
def test_mistakes_end_with_two_and_one_message(  # type: ignore[no-untyped-def]
    kdrun, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    Path("t.csv").write_text("a,b\n" + "1,x\n" * 8 + "2,y\n" * 2)
    Path("mine/dataset").mkdir(parents=True)
    Path("mine/dataset/mine.yaml").write_text("name: mine\n_target_: sets.mine\n")
    Path("sets.py").write_text("def mine():\n    raise AssertionError\n")
    monkeypatch.syspath_prepend(".")
    ended = kdrun(*QUICK, *words)
    assert ended.status == 2
    assert told in ended.err
    assert ended.err.count(told) == 1
    assert "Traceback" not in ended.err
