"""What was measured of runs later is compared as what they measured themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdrun.compare.comparison import compare
from kdrun.compare.gather import gather
from tests.fabricated import record, save

HEADER = "run_id,data,domain,samples,knn_accuracy,data_hash,weights_sha256"


def evaluated(tmp_path: Path) -> list[str]:
    """Tables of four runs, two of each loss, on two domains."""
    runs = save(tmp_path, *(record(seed, loss=loss) for loss in ("kd", "ce") for seed in (0, 1)))
    for number, run in enumerate(runs):
        lines = (
            f"{run.name},new.npz,{home},9,0.{number}{place},abc,ffff"
            for place, home in enumerate(("", "night"))
        )
        (run / "evaluations.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    return [str(run / "evaluations.csv") for run in runs]


def test_rows_are_of_their_runs(tmp_path: Path) -> None:
    rows = gather(evaluated(tmp_path))
    assert [row["knn_accuracy"] for row in rows] == [0, 0.01, 0.1, 0.11, 0.2, 0.21, 0.3, 0.31]
    assert [row["evaluated.domain"] for row in rows] == ["all", "night"] * 4
    assert [row["loss"] for row in rows] == ["kd"] * 4 + ["ce"] * 4
    assert {row["test_hash"] for row in rows} == {"abc"}
    assert len(gather([*evaluated(tmp_path), str(tmp_path / "*" / "evaluations.csv")])) == 8


def test_seeds_are_averaged_and_domains_are_not(tmp_path: Path) -> None:
    groups = compare(gather(evaluated(tmp_path)), ["knn_accuracy"]).lines
    found = {tuple(line.group.by.values()): line.mean["knn_accuracy"] for line in groups}
    assert sorted(round(mean or 0, 3) for mean in found.values()) == [0.05, 0.06, 0.25, 0.26]
    assert {"kd", "ce", "all", "night"} <= {str(value) for key in found for value in key}


def test_a_table_beside_no_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "evaluations.csv").write_text(HEADER + "\n")
    with pytest.raises(ValueError, match="record"):
        gather([str(tmp_path / "evaluations.csv")])
