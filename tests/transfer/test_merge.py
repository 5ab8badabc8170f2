"""Arithmetic on weights: WiSE-FT, soups and task vectors."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from kdrun.checkpoint import load_weights
from kdrun.model.features import Network
from kdrun.table import Row
from kdrun.transfer.arithmetic import combine, snapshot
from kdrun.transfer.merge import Merge
from tests.transfer.test_fine_tune import BASE, WORDS
from tests.transfer.test_freeze_backbone import IMAGES, LABELS, load, network, outputs
from tests.transfer.test_freeze_backbone import source as of_other_classes
from tests.transfer.trial import logistic

QUICK = (*BASE, "student=mlp", "train.epochs=1", "dataset.val_fraction=0.2")


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def merge(**options: object) -> Merge:
    given = {"coefficients": [0, 0.5, 1], "classifier": logistic(), "regressor": Ridge()}
    return Merge(**{**given, **options})  # type: ignore[arg-type]


def random_state(seed: int) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    found = snapshot(network())
    for value in found.values():
        if value.is_floating_point():
            value.normal_().abs_()
        else:
            value.fill_(seed)
    return found


def test_a_combination_is_the_sum_number_by_number() -> None:
    states, shares = [random_state(seed) for seed in range(3)], [0.5, 0.8, -0.3]
    found = combine(states, shares)
    for name, value in found.items():
        ours = [state[name] for state in states]
        if not value.is_floating_point():
            assert torch.equal(value, ours[-1]), name  # a count is that of the last
            continue
        slow = sum(share * state.double() for share, state in zip(shares, ours, strict=True))
        if name.endswith("running_var"):
            slow = slow.clamp(min=0)
            assert bool((value >= 0).all())
        assert torch.allclose(value.double(), slow, atol=1e-6), name


def test_a_share_of_one_is_that_state_bit_for_bit() -> None:
    first, second = random_state(1), random_state(2)
    second_counts = {k: v for k, v in second.items() if not v.is_floating_point()}
    assert same(combine([first, second], [1, 0]), {**first, **second_counts})
    assert same(combine([first, second], [0, 1]), second)


def test_the_best_coefficient_on_the_validation_split_is_taken() -> None:
    strategy = merge()
    student = strategy(network(), of_other_classes(network()), load(LABELS))
    origin = outputs(student)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.mul_(1.1)
    tuned = outputs(student)
    seen: list[Tensor] = []

    def measure(student: nn.Module) -> Row:
        assert isinstance(student, Network)
        seen.append(outputs(student))
        return {"val_accuracy": [0.5, 0.7, 0.6][len(seen) - 1]}

    rows = strategy.finish(student, measure)
    assert torch.equal(seen[0], origin)
    assert torch.equal(seen[2], tuned)
    assert [(row["coefficient"], row["val_accuracy"]) for row in rows] == [
        (0, 0.5),
        (0.5, 0.7),
        (1, 0.6),
    ]
    assert torch.equal(outputs(student), seen[1])
    assert strategy.report["coefficient"] == 0.5


@pytest.mark.parametrize(("coefficient", "taken"), [(None, 0.5), (0.25, 0.25)])
def test_without_a_validation_split_it_is_half_or_as_given(
    coefficient: float | None, taken: float
) -> None:
    strategy = merge(coefficient=coefficient, coefficients=[0, 1])
    student = strategy(network(), of_other_classes(network()), load(LABELS))
    strategy.finish(student, lambda student: {"val_accuracy": None})
    assert strategy.report["coefficient"] == taken
    assert len(IMAGES) == 90


def test_a_run_writes_a_row_for_each_coefficient_and_its_ends_are_source_and_tuned(kdrun) -> None:  # type: ignore[no-untyped-def]
    words = (*QUICK, "transfer=merge")
    assert kdrun(*words).status == 0
    (run,) = Path("outputs/default").glob("transfer_*")
    with (run / "merge.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["coefficient"]) for row in rows] == [0, 0.25, 0.5, 0.75, 1]
    assert all(row["val_accuracy"] and row["source_accuracy"] for row in rows)
    best = max(float(row["val_accuracy"]) for row in rows)
    record = json.loads((run / "record.json").read_text())
    assert record["metrics"]["val_accuracy"] == best
    (model,) = Path("outputs/cache/teacher").glob("source_*")
    ends = []
    for coefficient in (0, 1):
        told = kdrun(*words, f"name={coefficient}", f"transfer.coefficient={coefficient}")
        assert f"coefficient {coefficient}: as given" in told.out
        (run,) = Path("outputs", str(coefficient)).glob("transfer_*")
        ends.append(load_weights(run))
    assert kdrun(*QUICK, "transfer=fine_tune", "name=tuned").status == 0
    (tuned,) = Path("outputs/tuned").glob("transfer_*")
    assert same(ends[0], load_weights(model))
    assert same(ends[1], load_weights(tuned))


def test_soups_and_task_vectors_of_runs(kdrun) -> None:  # type: ignore[no-untyped-def]
    rates = "optimizer.lr=0.001,0.004"
    words = ("transfer=fine_tune", "name=runs", "source_model.recipe.lr=0.002")
    assert kdrun("-m", *QUICK, *words, rates).status == 0
    runs = sorted(map(str, Path("outputs/runs").glob("transfer_*")))
    listed = f"transfer.runs=[{','.join(runs)}]"
    states = [load_weights(run) for run in runs]
    (model,) = Path("outputs/cache/teacher").glob("source_*")
    cases = (
        ("transfer=soup", states, [0.5, 0.5]),
        ("transfer=task_arithmetic", [load_weights(model), *states], [1.5, 0.3, -0.8]),
    )
    for transfer, given, shares in cases:
        extra = ["transfer.scale=[0.3,-0.8]"] if len(shares) == 3 else []
        recipe = "source_model.recipe.lr=0.002"
        told = kdrun(*QUICK, transfer, listed, *extra, recipe, f"name={len(shares)}")
        assert told.status == 0, told.err
        (run,) = Path("outputs", str(len(shares))).glob("transfer_*")
        found, expected = load_weights(run), combine(given, shares)
        assert all(torch.allclose(found[k], expected[k], atol=1e-6) for k in expected)
    told = kdrun(*QUICK, "transfer=soup", "transfer.greedy=true", listed, "name=greedy")
    assert told.status == 0, told.err
    with next(Path("outputs/greedy").glob("*/soup.csv")).open() as file:
        rows = list(csv.DictReader(file))
    single = [float(row["val_accuracy"]) for row in rows[:2]]
    assert float(rows[2]["val_accuracy"]) >= max(single)
    # Another start, another architecture, and no run at all.
    assert kdrun(*QUICK, *words, "seed=1", "source_model.seed=1").status == 0
    other = next(iter(Path("outputs/runs").glob("transfer_*_s1-*"))).as_posix()
    for given, extra, told_in in (
        (f"[{runs[0]},{other}]", (), "did not begin with the weights of"),
        (f"[{runs[0]},{runs[1]}]", ("student.model.hidden=[9]",), "not this MLP"),
        ("[outputs/runs/none,outputs/runs/nil]", (), "outputs/runs/none"),
        (f"[{runs[0]}]", (), "two runs or more"),
    ):
        ended = kdrun(*QUICK, "transfer=soup", f"transfer.runs={given}", *extra)
        assert (ended.status, told_in in ended.err) == (2, True), ended.err
    assert len(list(Path("outputs/cache/teacher").glob("source_*"))) == 2  # before any training
    wrong = (listed, "seed=1", "source_model.seed=1", "source_model.recipe.lr=0.002")
    ended = kdrun(*QUICK, "transfer=task_arithmetic", *wrong)
    assert ended.status == 2
    assert "did not begin with the weights of this source's model" in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("transfer=merge", "transfer.coefficient=1.5"), "give numbers from 0, the source, to 1"),
        (("transfer=merge", "transfer.coefficients=[-1]"), "transfer.coefficients=[-1]"),
        (("transfer=merge", "transfer.head=reset"), "transfer.head=reset is not defined"),
        (("transfer=soup",), "transfer.runs is not set"),
        (("transfer=task_arithmetic", "transfer.runs=[]"), "give the folder of a run or more"),
        (
            ("transfer=task_arithmetic", "transfer.runs=[a]", "transfer.scale=[1,2]"),
            "transfer.scale=[1, 2]",
        ),
    ],
)
def test_mistakes_end_with_two_and_one_message(  # type: ignore[no-untyped-def]
    kdrun, words: tuple[str, ...], told: str
) -> None:
    ended = kdrun(*WORDS, *words)
    assert ended.status == 2
    assert told in ended.err
    assert "Traceback" not in ended.err
