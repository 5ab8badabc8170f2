"""`kdrun compare` averages what is alike, tests what is paired, and says what it left out."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from kdrun.compare import main, selection
from kdrun.compare.statistics import holm
from tests.fabricated import record, save

LOSSES = {"kd": (0.90, 0.91, 0.905), "dkd": (0.92, 0.915, 0.93), "at": (0.90, 0.88, 0.91)}


@pytest.fixture
def sweep(tmp_path):
    """Three losses with three seeds each."""
    save(
        tmp_path,
        *(
            record(seed, a, loss=loss)
            for loss, each in LOSSES.items()
            for seed, a in enumerate(each)
        ),
    )
    return str(tmp_path)


def groups(capsys, *arguments):
    """What a comparison says, by loss."""
    assert main([*arguments, "--format", "json"]) == 0
    return {group["loss"]: group for group in json.loads(capsys.readouterr().out)["groups"]}


def refusal(capsys, *arguments):
    """The one message of a mistake."""
    assert main(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kdrun compare: ")
    return err


def test_means_and_deviations_over_seeds_are_those_of_numpy(sweep, capsys):
    found = groups(capsys, sweep)
    assert found.keys() == LOSSES.keys()
    for loss, values in LOSSES.items():
        assert found[loss]["n"] == 3
        assert found[loss]["test_accuracy"] == pytest.approx(np.mean(values))
        assert found[loss]["test_accuracy_std"] == pytest.approx(np.std(values, ddof=1))


def test_failed_runs_are_told_and_never_averaged(sweep, tmp_path, capsys):
    save(tmp_path, record(3, loss="kd", error="RuntimeError: boom"))
    assert main([sweep, "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["runs"] == 9
    assert len(answer["failed"]) == 1
    assert any("failed: 1 run" in note for note in answer["notes"])


@pytest.mark.parametrize(
    ("column", "other", "what"),
    [("test_hash", "0000", "test data"), ("split", "half", "splits"), ("epochs", 5, "epochs")],
)
def test_unlike_runs_are_not_averaged(tmp_path, capsys, column, other, what):
    save(tmp_path, record(0), record(1, **{column: other}))
    told = refusal(capsys, str(tmp_path), "--by", "loss")
    assert f"mixes different {what if what != 'splits' else 'training splits'}" in told
    assert f"--over {column}" in told


def test_a_condition_executes_nothing(sweep, tmp_path, capsys):
    mark = tmp_path / "mark"
    told = refusal(capsys, sweep, "--where", f'__import__("os").mkdir("{mark}")')
    assert "is not allowed in a condition" in told
    assert not mark.exists()


def test_mistakes_are_named(sweep, tmp_path, capsys):
    assert "'test_accuracy'" in refusal(capsys, sweep, "--metric", "test_acuracy")
    (tmp_path / "empty").mkdir()
    empty = str(tmp_path / "empty")
    assert f"looked for record.json in {empty}" in refusal(capsys, empty)


def test_csv_reads_back_as_the_same_numbers(sweep, capsys):
    expected = groups(capsys, sweep)
    assert main([sweep, "--format", "csv"]) == 0
    for row in csv.DictReader(io.StringIO(capsys.readouterr().out)):
        assert float(row["test_accuracy"]) == expected[row["loss"]]["test_accuracy"]


def test_pivot_has_a_cell_for_each_pair(sweep, tmp_path, capsys):
    save(tmp_path, record(0, 0.5, loss="kd", student="wrn_16_2"))
    assert main([sweep, "--pivot", "student", "loss", "--format", "markdown"]) == 0
    out = capsys.readouterr().out
    [line] = [line for line in out.splitlines() if line.startswith("| wrn_16_2")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["wrn_16_2", "", "", "50.00"]


def test_what_follows_from_a_name_is_no_column_and_what_does_not_is(tmp_path, capsys):
    def by(name, lr, seed):
        return record(seed, 0.5, **{"optimizer.name": name, "optimizer.lr": lr})

    def columns():
        assert main([str(tmp_path), "--format", "json"]) == 0
        return json.loads(capsys.readouterr().out)["by"]

    save(tmp_path, *(by(name, lr, seed) for name, lr in (("a", 1), ("b", 2)) for seed in (0, 1)))
    assert columns() == ["optimizer.name"]
    save(tmp_path, by("a", 3, 0))
    assert columns() == ["optimizer.lr", "optimizer.name"]


def test_numbers_across_a_pivot_stand_in_order_and_are_drawn_as_lines(tmp_path, capsys):
    save(
        tmp_path,
        *(
            record(0, n / 2000, loss=loss, epochs=n)
            for n in (1000, 50, 200)
            for loss in ("kd", "at")
        ),
    )
    picture = tmp_path / "curve.png"
    words = [str(tmp_path), "--pivot", "loss", "epochs", "--format", "markdown"]
    assert main([*words, "--plot", str(picture)]) == 0
    [head] = [line for line in capsys.readouterr().out.splitlines() if r"loss \\ epochs" in line]
    assert [cell.strip() for cell in head.strip("|").split("|")][1:] == ["50", "200", "1000"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main([*words[:1], "--pivot", "epochs", "loss", "--plot", str(picture)]) == 2
    assert "loss is no number" in capsys.readouterr().err


def test_the_front_is_what_no_other_beats(tmp_path, capsys):
    places = {"a": (0.9, 3), "b": (0.8, 1), "c": (0.85, 4), "d": (0.9, 5), "e": (0.7, 1)}
    save(tmp_path, *(record(0, v, loss=k, latency_ms=c) for k, (v, c) in places.items()))
    found = groups(capsys, str(tmp_path), "--pareto", "latency_ms")
    assert {k for k, group in found.items() if group["on_front"]} == {"a", "b"}


def test_differences_to_the_baseline_are_tested_as_scipy_does(sweep, capsys):
    found = groups(capsys, sweep, "--baseline", "loss=kd")
    others = [loss for loss in found if loss != "kd"]
    p_values = [stats.ttest_rel(LOSSES[loss], LOSSES["kd"]).pvalue for loss in others]
    for loss, p, corrected in zip(others, p_values, holm(p_values), strict=True):
        assert found[loss]["pairs"] == 3
        assert found[loss]["p_t"] == pytest.approx(p)
        assert found[loss]["p_holm"] == pytest.approx(corrected)
        assert found[loss]["p_flip_least"] == 0.25
        assert found[loss]["verdict"] == "not distinguishable"
    assert found["kd"]["verdict"] == "baseline"


def test_a_baseline_without_a_value_is_written_as_tables_show_it():
    columns = ("loss", "train.epochs")
    assert selection("loss=-,train.epochs=3", columns) == {"loss": None, "train.epochs": 3}
    assert selection("loss=", columns) == {"loss": None}


def test_torch_is_not_imported(sweep):
    script = (
        "import sys; from kdrun.compare import main; "
        f"main([{sweep!r}, '--baseline', 'loss=kd']); print('torch' in sys.modules)"
    )
    out = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert out.splitlines()[-1] == "False"
