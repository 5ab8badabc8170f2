"""Jobs on a Ray cluster: one is killed, a node is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sweep.test_sweep import ACCIDENTS, FAULTY, rows, start

pytest.importorskip("ray", reason="needs: pip install 'kdrun[ray]'")

RAY = ("-m", "hydra/launcher=ray", "hydra.launcher.ray.init.address=local")


def test_a_killed_job_costs_no_other_and_goes_on_later(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("faulty.py").write_text(FAULTY)
    words = (*RAY, "+hydra.launcher.ray.init.num_cpus=2", *ACCIDENTS, "seed=7,8")
    with start(*words) as first:
        told, _ = first.communicate()
    assert first.returncode == 1, told
    assert "failed: seed=7: killed by SIGKILL; was there enough memory?" in told
    assert sorted(row["status"] for row in rows()) == ["failed", "ok"]

    with start(*words) as second:
        told, _ = second.communicate()
    assert second.returncode == 0, told
    assert "2 of 2 runs ok, 1 of them before" in told
    (log,) = Path("outputs/default").glob("*s7-*/run.log")
    assert "continuing after epoch 1" in log.read_text()
