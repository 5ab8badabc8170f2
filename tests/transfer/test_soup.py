"""The mean of several runs, and which runs have one."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from kdrun.files.checkpoint import load_weights
from kdrun.model import weights
from kdrun.model.features import Network
from kdrun.results.record import Record, save_record
from kdrun.results.table import Row
from kdrun.run.folder import STUDENT
from kdrun.transfer.soup import Soup
from tests.transfer.test_fine_tune import BASE
from tests.transfer.trial import load, logits, student

ROWS = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
QUICK = (*BASE, "student=mlp", "train.epochs=1")


def linear(number: float) -> Network:
    """A network whose every weight is the same number."""
    network = student(4, 3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(number)
    return network


def a_run(folder: Path, network: Network, start: str | None) -> str:
    """A finished run of these weights, which says with which it began."""
    folder.mkdir()
    facts = {"classes": list("abc"), "shape": (4,)}
    weights.save(
        folder / STUDENT, network, "linear", {"_target_": "kdrun.model.linear.Linear"}, **facts
    )
    record: Record = {"run_id": folder.name, "status": "ok"}
    if start is not None:
        record["transfer"] = {"start": start}
    save_record(folder, record)
    return str(folder)


def measured(accuracies: dict[float, float]) -> object:
    """Measures a linear network by what its weights are."""

    def measure(network: nn.Module) -> Row:
        number = round(float(network.state_dict()["net.head.bias"][0]), 3)
        return {"val_accuracy": accuracies[number]}

    return measure


def soup(runs: list[str], greedy: bool = False) -> tuple[Soup, Network]:
    strategy, network = Soup(runs, greedy), linear(9)
    strategy.check(network)
    return strategy, strategy(network, None, load(ROWS))


def test_it_is_the_mean(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / str(n), linear(n), "one") for n in (1, 2, 6)]
    strategy, network = soup(runs)
    assert torch.equal(logits(network, ROWS), logits(linear(3), ROWS))
    rows = strategy.finish(network, measured({1: 0.1, 2: 0.2, 6: 0.3, 3: 0.4}))  # type: ignore[arg-type]
    assert [row["run"] for row in rows] == [*runs, "soup"]
    assert [row["val_accuracy"] for row in rows] == [0.1, 0.2, 0.3, 0.4]
    assert torch.equal(logits(network, ROWS), logits(linear(3), ROWS))


def test_a_greedy_one_leaves_out_whom_it_is_worse_with(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / str(n), linear(n), "one") for n in (1, 2, 6)]
    strategy, network = soup(runs, greedy=True)
    # 6 is best and comes first; with 2 it is worse, and with 1 it is better.
    known = {1: 0.1, 2: 0.5, 6: 0.8, 4: 0.7, 3.5: 0.9}
    rows = strategy.finish(network, measured(known))  # type: ignore[arg-type]
    assert [row["in_soup"] for row in rows] == [1, 0, 1, 2]
    assert torch.equal(logits(network, ROWS), logits(linear(3.5), ROWS))
    assert strategy.report["runs"] == [runs[2], runs[0]]


def test_a_greedy_one_needs_a_validation_split(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / str(n), linear(n), "one") for n in (1, 2)]
    strategy, network = soup(runs, greedy=True)
    with pytest.raises(ValueError, match=r"set dataset\.val_fraction"):
        strategy.finish(network, lambda _: {"val_accuracy": None})


def test_runs_that_have_no_mean_are_refused(tmp_path: Path) -> None:
    one = a_run(tmp_path / "one", linear(1), "here")
    elsewhere = a_run(tmp_path / "elsewhere", linear(1), "there")
    silent = a_run(tmp_path / "silent", linear(1), None)
    wide = a_run(tmp_path / "wide", student(5, 3), "here")
    other = linear(1)
    other.unit = (5.0, 2.0)
    units = a_run(tmp_path / "units", other, "here")
    for run, told in (
        (elsewhere, "elsewhere did not begin with the weights of .*one"),
        (silent, "does not tell with which weights it began"),
        (wide, "not this Linear: .* of another shape"),
        (units, "normalises its inputs or values otherwise"),
    ):
        with pytest.raises(ValueError, match=told):
            soup([one, run])
    with pytest.raises(FileNotFoundError, match="nowhere"):
        soup([one, str(tmp_path / "nowhere")])
    with pytest.raises(ValueError, match="two runs or more"):
        soup([one, one])


def test_runs_of_a_sweep_are_averaged(kdrun) -> None:  # type: ignore[no-untyped-def]
    words = (*QUICK, "source_model.recipe.lr=0.002")
    told = kdrun("-m", *words, "transfer=fine_tune", "name=runs", "optimizer.lr=0.001,0.004")
    assert told.status == 0, told.err
    runs = sorted(map(str, Path("outputs/runs").glob("transfer_*")))
    told = kdrun(*words, "transfer=soup", f"transfer.runs=[{','.join(runs)}]", "name=soup")
    assert told.status == 0, told.err
    (found,) = Path("outputs/soup").glob("transfer_*")
    first, second, mean = (load_weights(run) for run in (*runs, found))
    assert all(torch.allclose(mean[k], (first[k] + second[k]) / 2, atol=1e-6) for k in mean)
    with (found / "soup.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "transfer.runs is not set"),
        (("transfer.runs=[none,nil]",), "none/student.safetensors does not exist"),
        (("transfer.runs=[none]",), "two runs or more"),
    ],
)
def test_mistakes_end_with_two_before_any_training(  # type: ignore[no-untyped-def]
    kdrun, words: tuple[str, ...], told: str
) -> None:
    Path("none").mkdir()
    ended = kdrun(*QUICK, "transfer=soup", *words)
    assert ended.status == 2
    assert told in ended.err
    assert not Path("outputs/cache").exists()
