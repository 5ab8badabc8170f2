"""Two commands as on two machines; what each of them has to know."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kdrun.config.schema import Train
from kdrun.parallel.machines import Place, place
from tests.forked import Forked

RUN = ("method=supervised", "student=mlp", "train.epochs=2", "train.precision=fp32")


def free_port() -> int:
    """One that is free, and the next as well."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("localhost", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("localhost", port + 1))
            except OSError:
                continue
            return port


@pytest.mark.slow
def test_two_machines_end_together_with_the_weights_of_one(tmp_path, monkeypatch, kdrun):
    words = (*RUN, "train.nodes=2", f"train.endpoint=localhost:{free_port()}")
    both = [Forked(*words, f"train.node={node}") for node in (0, 1)]
    told = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    (run,) = Path("outputs/default").glob("*/")
    assert all(str(run) in one for one in told)
    assert (run / "run.log").read_text().count("epoch 2/2") == 1

    assert kdrun(*RUN, "name=alone").status == 0
    (alone,) = Path("outputs/alone").glob("*/")
    assert alone.name == run.name
    expected = load_file(alone / "student.safetensors")
    for name, tensor in load_file(run / "student.safetensors").items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-3, atol=1e-4)


def test_the_place_is_given_or_known_to_slurm(monkeypatch):
    for name in ("SLURM_NODEID", "SLURM_JOB_NODELIST"):
        monkeypatch.delenv(name, raising=False)
    assert place(Train(nodes=2, node=1, endpoint="first:29500")) == Place(1, "first", 29500)
    with pytest.raises(ValueError, match=r"Give train\.node=0 there"):
        place(Train(nodes=2, endpoint="first:29500"))
    with pytest.raises(ValueError, match=r"train\.node=2: must lie in 0 to 1"):
        place(Train(nodes=2, node=2, endpoint="first:29500"))
    with pytest.raises(ValueError, match=r"train\.endpoint=first: write HOST:PORT"):
        place(Train(nodes=2, node=0, endpoint="first"))

    def hostnames(words, **options):
        assert words == ["scontrol", "show", "hostnames", "gpu[3-4]"]
        return subprocess.CompletedProcess(words, 0, stdout="gpu3\ngpu4\n")

    monkeypatch.setattr(subprocess, "run", hostnames)
    monkeypatch.setenv("SLURM_NODEID", "1")
    monkeypatch.setenv("SLURM_JOB_NODELIST", "gpu[3-4]")
    monkeypatch.setenv("SLURM_JOB_ID", "1234567")
    assert place(Train(nodes=2)) == Place(1, "gpu3", 29134)


def test_a_sweep_over_machines_is_for_a_cluster(kdrun):
    told = kdrun("-m", "seed=0,1", "train.nodes=2", *RUN)
    assert told.status == 2
    assert "a sweep over several machines needs hydra/launcher=slurm" in told.err
