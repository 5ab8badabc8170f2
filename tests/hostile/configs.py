"""A folder of configs that somebody sent, and words that somebody is talked into typing."""

from __future__ import annotations

import json
import os
import pickle
from typing import Any

from tests.hostile.doors import SMALL, Attack, Place
from tests.hostile.targets import EVIL, GLOBAL, HOME, RUNS, SHELL, unpickled, yaml

VARIABLE = "${oc.env:SECRET}"


def sent(name: str, group: str, section: Any, *words: str, **more: Any) -> Attack:
    """sent/configs/GROUP/sent.yaml, as JSON or as it stands, chosen by `GROUP=sent` and words."""
    text = section if isinstance(section, str) else json.dumps(section)
    more = {"doors": ("run",), **more}
    return Attack(f"yaml: {name}", "config-dir", yaml(group, text), words, **more)


def of_all(name: str, section: dict[str, Any], *words: str, **more: Any) -> Attack:
    """An experiment, which may set any key."""
    text = GLOBAL + json.dumps(section)
    return sent(name, "experiment", text, "experiment=sent", *words, **more)


CHAIN = {"a0": "x" * 1000, **{f"a{i}": f"${{.a{i - 1}}}" * 10 for i in range(1, 9)}}
"""Each ten times the one before: 1e11 characters."""

PARTS = {
    "a0": {"x": 1},
    **{f"a{i}": dict.fromkeys("xyz", f"${{dataset.a{i - 1}}}") for i in range(1, 40)},
}
"""Each three times the one before, by its parts."""

REFERENCES = {"a0": 1, **{f"a{i}": f"${{.a{i - 1}}}" for i in range(1, 200)}}
"""Each the one before."""

PART: dict[str, Any] = {"name": "sent", "_target_": "kdrun.dataset.digits.digits"}

GROUPS = [
    sent("an optimizer that runs a shell", "optimizer", {"lr": 0.1, **SHELL}, "optimizer=sent"),
    sent("a schedule that runs source", "scheduler", RUNS, "scheduler=sent"),
    sent(
        "a schedule with a function",
        "scheduler",
        {
            "_target_": "torch.optim.lr_scheduler.LambdaLR",
            "lr_lambda": RUNS,
        },
        "scheduler=sent",
    ),
    sent(
        "a dataset that runs source",
        "dataset",
        {"name": "sent", **RUNS},
        "dataset=sent",
        doors=("run", "dry_run"),
    ),
    sent("an augmentation that runs source", "dataset", {**PART, "augment": RUNS}, "dataset=sent"),
    sent("a teacher that runs a shell", "teacher", {"name": "sent", **SHELL}, "teacher=sent"),
    sent(
        "an estimator in an estimator",
        "teacher",
        {
            "name": "sent",
            "_target_": "kdrun.teacher.sklearn.sklearn",
            "estimator": {"_target_": "sklearn.ensemble.BaggingClassifier", "estimator": SHELL},
        },
        "teacher=sent",
    ),
    sent(
        "a member of an ensemble",
        "teacher",
        {
            "name": "sent",
            "_target_": "kdrun.teacher.ensemble.ensemble",
            "members": {
                "a": {"name": "a", **SHELL},
                "b": {"name": "b", "_target_": "kdrun.teacher.sklearn.sklearn", "path": "x.skops"},
            },
        },
        "teacher=sent",
    ),
    sent("a tracker that runs source", "logger", {"a": RUNS}, "logger=sent"),
    sent(
        "a method that runs source",
        "method",
        {
            "name": "sent",
            "uses": ["teacher", "loss"],
            **RUNS,
        },
        "method=sent",
    ),
    sent(
        "a strategy that runs source",
        "transfer",
        {"name": "sent", **RUNS},
        "transfer=sent",
        "method=transfer",
        "dataset=digits_shifted",
    ),
    sent("a tag of Python", "loss", f"terms: !!python/object/apply:exec [{HOME!r}]", "loss=sent"),
]
"""Each group of configs, with a `_target_` that is not for it."""

HYDRA = [
    of_all(f"hydra.{name}", {"hydra": section})
    for name, section in {
        "callbacks": {"callbacks": {"a": EVIL}},
        "launcher": {"launcher": {**EVIL}},
        "sweeper": {"sweeper": {**EVIL}},
        "job_logging": {"job_logging": {"version": 1, "handlers": {"a": {"()": "evil.touch"}}}},
        "run.dir": {"run": {"dir": "../x"}},
        "job.env_set": {"job": {"env_set": {"PATH": "../sent"}}},
    }.items()
]
"""What Hydra itself would call, or where it would write."""

SETTINGS = [
    of_all("a variable as its name", {"name": VARIABLE}),
    of_all("a variable as a path", {"dataset": {"root": VARIABLE}}, "dataset=mnist"),
    of_all("a variable by a name made of others", {"name": "${oc.env:${seed}SECRET}"}),
    of_all("a name that leaves", {"name": "../../x"}),
    of_all("a cache that leaves", {"cache": "../x"}),
    of_all("a limit of memory", {"max_memory": "900TB"}),
    sent("a chain of interpolations", "dataset", {**PART, **CHAIN}, "dataset=sent"),
    of_all(
        "a tracker's server",
        {"logger": {"mlflow": {"uri": "http://127.0.0.1:9/"}}},
        "logger=mlflow",
    ),
    of_all("a tracker's folder", {"logger": {"mlflow": {"uri": "file:../x"}}}, "logger=mlflow"),
    sent("parts of parts", "dataset", {**PART, **PARTS}, "dataset=sent"),
    sent(
        "a part of itself",
        "dataset",
        {**PART, "a": {"b": "${dataset.c}"}, "c": {"d": "${dataset.a}"}},
        "dataset=sent",
    ),
    sent("references to references", "dataset", {**PART, **REFERENCES}, "dataset=sent"),
    of_all("a circle of interpolations", {"name": "${cache}", "cache": "${name}"}),
    of_all(
        "a dataset that is fetched",
        {"dataset": {"download": True, "root": "../x"}},
        "dataset=mnist",
    ),
]


def planted(place: Place) -> None:
    """A pickle under every name that may be typed."""
    place.module()
    for name in ("teacher.pkl", "teacher.joblib", "teacher.skops", "x.npz", "run/.hydra/config"):
        unpickled(place, name)
    (place.sent / "run" / ".hydra" / "config.pickle").write_bytes(pickle.dumps({"a": 1}))
    unpickled(place, "config.pickle")


def words(name: str, *typed: str) -> Attack:
    """A command beside which files lie that would run."""
    return Attack(f"words: {name}", "words", planted, typed, doors=("run",))


LONG = "n" * 300

TYPED = [
    words("a name that leaves", "name=../../x"),
    words("a name that leaves later", "name=a/../../../x"),
    words("an absolute name", f"name={os.sep}tmp/x"),
    Attack(
        "words: a name that leaves, swept", "command", planted, ("-m", "name=a,../../x", *SMALL)
    ),
    Attack(
        "words: a name of 300 characters, swept",
        "command",
        planted,
        ("-m", f"name=a,{LONG}", *SMALL),
    ),
    words("a name of 300 characters", f"name={LONG}"),
    words("a name of 5,000 characters", f"name={'n/' * 2500}"),
    words("a folder of 300 characters", f"hydra.run.dir=outputs/{LONG}"),
    words("packages of Python", "plugins=[os,posix]"),
    words("a run again, of a pickle", "--experimental-rerun=../sent/config.pickle"),
    *[
        words(f"an estimator as {kind}", "teacher=sklearn", f"teacher.path=../sent/teacher.{kind}")
        for kind in ("pkl", "joblib", "skops")
    ],
    words("a table of decisions as a pickle", "teacher=recorded", "teacher.path=../sent/x.npz"),
    words(
        "a dataset as a pickle", "method=supervised", "dataset=npz", "dataset.path=../sent/x.npz"
    ),
]

ATTACKS = [*GROUPS, *HYDRA, *SETTINGS, *TYPED]
