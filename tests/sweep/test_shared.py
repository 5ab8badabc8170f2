"""Jobs that ask a teacher the same are told so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from kdrun.sweep.jobs import Job, marked
from kdrun.sweep.shared import BATCHES


def job(method: str = "distill", uses: str = "teacher", **changed: Any) -> Job:
    train = dict.fromkeys((*BATCHES, "sampler", "accumulate"), 1)
    named = {"name": method, "uses": [uses]}
    many = {"generations": 2} if method == "born_again" else {}
    plain = {
        "method": named | many, "teacher": {"name": "t"}, "student": {"name": "s"},
        "dataset": {"name": "d"}, "task": None, "plugins": [], "cv": {}, "seed": 0,
        "train": train, "loss": "kd",
    }  # fmt: skip
    return Job((), Path("x"), "", OmegaConf.create(plain | changed))


def shared(*jobs: Job) -> list[bool]:
    return [each.shared for each in marked(jobs)]


def test_losses_share_a_teacher_and_seeds_do_only_where_views_are_shared():
    assert shared(job(), job(loss="dkd")) == [True, True]
    assert shared(job(), job(seed=1)) == [False, False]
    views = {"name": "d", "view_seed": 5}
    assert shared(job(dataset=views), job(dataset=views, seed=1)) == [True, True]
    assert shared(job(), job(teacher={"name": "u"}), job("supervised", "")) == [False] * 3
    assert shared(job("born_again", "loss"), job("born_again", "loss", loss="dkd")) == [True, True]


def test_what_is_done_asks_nobody():
    done = Job((), Path("x"), "")
    assert shared(done, done, job()) == [False] * 3


def test_a_job_is_told():
    words = [each.words("c") for each in marked([job(), job(loss="dkd"), job(seed=1)])]
    assert ["job.shared=true" in one for one in words] == [True, True, False]
