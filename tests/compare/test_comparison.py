"""A comparison of rows: what is averaged, what is left out, and which verdict follows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kdrun.compare.comparison import Comparison, compare, hold_against
from kdrun.results.table import Row, Value

SEEDS = 6


def row(seed: int, loss: str, **measured: Value) -> Row:
    what: Row = {"method": "distill", "student": "a", "loss": loss, "epochs": 3, "seed": seed}
    data: Row = {"dataset": "digits", "test_hash": "1", "split": "s", "setup": loss}
    return {**what, **data, "run_id": f"{loss}{seed}", "status": "ok", **measured}


def runs(loss: str, level: float, metric: str = "test_accuracy") -> list[Row]:
    noise = np.random.default_rng(sum(map(ord, loss))).normal(0, 0.01, SEEDS)
    return [row(seed, loss, **{metric: level + float(noise[seed])}) for seed in range(SEEDS)]


def verdicts(comparison: Comparison) -> dict[Value, str]:
    return {line.group.by["loss"]: line.verdict for line in comparison.lines}


def test_runs_that_did_not_end_well_are_told_by_why_and_not_averaged() -> None:
    bad = [
        row(7, "kd", status="failed"),
        row(8, "kd", status="interrupted"),
        row(9, "kd"),
        row(6, "kd", status="pruned", test_accuracy=0.1),
    ]
    found = compare([*runs("kd", 0.9), *bad], ["test_accuracy"])
    assert found.runs == SEEDS + 1
    assert [one["run_id"] for one in found.failed] == ["kd7"]
    assert found.notes[:3] == [
        "left out, failed: 1 run (kd7)",
        "left out, not finished: 1 run (kd8)",
        "left out, no test_accuracy: 1 run (kd9)",
    ]
    with pytest.raises(
        ValueError, match=r"no run has a test_accuracy to compare; left out, failed"
    ):
        compare(bad[:1], ["test_accuracy"])


def test_each_metric_has_its_mean_and_deviation() -> None:
    rows = runs("kd", 0.9)
    rows[0]["latency_ms"], rows[1]["latency_ms"] = 2.0, 3.0
    (line,) = compare(rows, ["test_accuracy", "latency_ms", "test_f1"]).lines
    values = [float(str(one["test_accuracy"])) for one in rows]
    assert line.mean["test_accuracy"] == pytest.approx(np.mean(values))
    assert line.std["test_accuracy"] == pytest.approx(np.std(values, ddof=1))
    assert (line.mean["latency_ms"], line.mean["test_f1"], line.std["test_f1"]) == (2.5, None, None)
    assert line.interval is not None
    assert min(values) <= line.interval[0] < line.interval[1] <= max(values)
    assert line.n == SEEDS


def test_what_all_share_is_constant_and_what_differs_is_in_by_or_over() -> None:
    rows = [*runs("kd", 0.9), *runs("ce", 0.8)]
    found = compare(rows, ["test_accuracy"])
    assert found.by == ["loss"]
    assert found.over == {"seed": list(range(SEEDS))}
    assert found.constant == {"method": "distill", "dataset": "digits", "student": "a", "epochs": 3}
    meant = compare(rows, ["test_accuracy"], over=["loss"])
    assert (meant.by, len(meant.lines), meant.lines[0].n) == ([], 1, 2 * SEEDS)
    assert meant.over["loss"] == ["ce", "kd"]


def test_a_setting_that_no_column_names_keeps_runs_apart() -> None:
    rows = [{**one, "setup": n % 2} for n, one in enumerate(runs("kd", 0.9))]
    found = compare(rows, ["test_accuracy"])
    assert (found.by, [line.n for line in found.lines]) == (["setup"], [SEEDS / 2] * 2)
    assert any("`setup`, the hash of all settings, keeps them apart" in n for n in found.notes)


def test_a_time_is_one_of_its_device() -> None:
    rows = [row(n, "kd", latency_ms=1.0, device=f"gpu{n}") for n in range(2)]
    assert compare(rows, ["latency_ms"]).by == ["device"]
    assert compare([{**one, "test_accuracy": 1.0} for one in rows], ["test_accuracy"]).by == []


@pytest.mark.parametrize(("metric", "higher"), [("test_accuracy", "better"), ("test_nll", "worse")])
def test_a_difference_beyond_chance_has_a_direction(metric: str, higher: str) -> None:
    rows = [*runs("ce", 0.5, metric), *runs("kd", 0.9, metric), *runs("dkd", 0.505, metric)]
    found = compare(rows, [metric])
    hold_against(found, {"loss": "ce"})
    assert verdicts(found) == {"ce": "baseline", "kd": higher, "dkd": "not distinguishable"}
    lines = {line.group.by["loss"]: line for line in found.lines}
    for loss in ("kd", "dkd"):
        test = lines[loss].test
        assert test is not None
        expected = stats.ttest_rel(
            lines[loss].group.values(metric), lines["ce"].group.values(metric)
        )
        assert test.p_t == pytest.approx(expected.pvalue)
    assert lines["kd"].p == pytest.approx(2 * lines["kd"].test.p_t)  # Holm's, of two
    assert not any("sign-flip test cannot" in note for note in found.notes)
    few = compare([one for one in rows if int(str(one["seed"])) < 5], [metric])
    hold_against(few, {"loss": "ce"})
    assert any("cannot give p below 0.0625 with 5 pairs" in note for note in few.notes)


def test_one_pair_is_no_test_and_no_pair_is_none() -> None:
    rows = [*runs("ce", 0.5), row(0, "kd", test_accuracy=0.9), row(77, "at", test_accuracy=0.9)]
    found = compare(rows, ["test_accuracy"])
    hold_against(found, {"loss": "ce"})
    assert verdicts(found) == {"ce": "baseline", "kd": "one pair, no test", "at": "no pairs"}
    # Five of the baseline's beside kd, and all of its six and the own beside at.
    assert (
        f"{5 + SEEDS + 1} runs have no partner of the same seed in the other group" in found.notes
    )


def test_a_baseline_names_what_groups_differ_in() -> None:
    found = compare([*runs("ce", 0.5), *runs("kd", 0.9)], ["test_accuracy"])
    with pytest.raises(ValueError, match="all groups agree in student; they differ in"):
        hold_against(found, {"student": "a"})
    with pytest.raises(ValueError, match="seed is averaged over; a baseline needs it in --by"):
        hold_against(found, {"seed": 0})


def test_differences_that_are_all_the_same_are_judged_by_their_signs() -> None:
    rows = [row(n, "ce", test_accuracy=n / 8) for n in range(SEEDS)]
    rows += [row(n, "kd", test_accuracy=n / 8 + 0.25) for n in range(SEEDS)]
    found = compare(rows, ["test_accuracy"])
    hold_against(found, {"loss": "ce"})
    line = next(line for line in found.lines if line.group.by["loss"] == "kd")
    assert line.test is not None
    assert line.test.p_t is None
    assert line.p == line.test.p_flip == 0.5 ** (SEEDS - 1)
    assert line.verdict == "better"


def test_a_metric_of_no_known_direction_is_told() -> None:
    found = compare([row(0, "kd", goodness=1.0)], ["goodness"])
    assert (
        "nothing says whether more or less goodness is better: more is taken for it" in found.notes
    )
