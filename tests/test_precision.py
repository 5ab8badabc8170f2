"""Every method, teacher, strategy and export in either number format, whatever hardware this is."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from kdrun.config.schema import folder
from kdrun.export import FORMATS

SMALL = (
    *("dataset=digits_shifted", "dataset.target=noisy", "dataset.train_size=40"),
    *("dataset.augment=null", "train.batch_size=20", "train.epochs=1", "train.progress=false"),
)
TINY = ("student=mlp", "student.model.hidden=[8]", "teacher=linear")
ACROSS = {"cross_domain", "transfer", "transfer_distill"}
OF_TEXTS = {"on_policy", "seq_kd"}
"""Methods in which somebody writes: tests/method has them."""

FROM_RUNS = {"soup", "task_arithmetic"}
FITTED = {
    *("coral", "freeze_backbone", "optimal_transport", "pca_mapping", "source_only"),
    *("subspace_alignment", "tca"),
}
"""Strategies that fit the last layer in closed form, and leave the network in float32."""

TERMS = {"bsp", "cdan", "dann", "deep_coral", "entropy", "jan", "mcc", "mmd", "self_training"}
"""Terms between the domains, which one training computes beside each other."""


def choices(group: str) -> set[str]:
    """What can be chosen for a group of the config."""
    return {path.stem for path in (folder() / group).glob("*.yaml")}


@pytest.fixture(params=["bf16", "fp32"])
def precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What every run computes in unless it says something else."""
    monkeypatch.setenv("KDRUN_PRECISION", request.param)
    return str(request.param)


def swept(kdrun: Any, *words: str) -> list[dict[str, str]]:
    """All rows so far, after a sweep of which none failed."""
    told = kdrun("-m", *SMALL, *words)
    assert told.status == 0, told.out + told.err
    with Path("outputs/default/results.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_method(kdrun: Any, precision: str) -> None:
    alone = choices("method") - ACROSS - OF_TEXTS - {"assistant"}
    swept(kdrun, *TINY, f"method={','.join(sorted(alone))}")
    assistant = ("teacher@method.assistant=mlp", "method.assistant.model.hidden=[9]")
    rows = swept(kdrun, *TINY, "method=assistant", *assistant)
    assert {row["method"] for row in rows} == choices("method") - ACROSS - OF_TEXTS
    assert {row["precision"] for row in rows} == {precision}
    assert all(int(row["student_macs"]) > 0 for row in rows)


def test_every_strategy(kdrun: Any, precision: str) -> None:
    words = ("student=resnet8", "teacher=resnet8")
    swept(kdrun, *words, "method=cross_domain,transfer_distill")
    swept(kdrun, "student=mlp", "teacher=mlp", "method=transfer", "transfer=lora")
    alone = choices("transfer") - FROM_RUNS - TERMS - {"none", "lora"}
    each = [*sorted(alone), f"[{','.join(sorted(TERMS))}]"]
    rows = swept(kdrun, *words, "method=transfer", f"transfer={','.join(each)}")
    tuned = [row["run_dir"] for row in rows if row["transfer"] in ("fine_tune", "merge")]
    given = f"transfer.runs=[{','.join(f'outputs/default/{each}' for each in tuned)}]"
    rows = swept(kdrun, *words, "method=transfer", f"transfer={','.join(FROM_RUNS)}", given)
    found = {row["transfer"]: row["precision"] for row in rows}
    assert found.keys() == choices("transfer") - TERMS - {"none"} | {"", "+".join(sorted(TERMS))}
    for name, written in found.items():
        assert written == ("fp32" if name in FITTED else precision), name


def test_every_teacher_and_every_export(kdrun: Any, precision: str) -> None:
    pytest.importorskip("onnxruntime")
    swept(kdrun, *TINY, "method=supervised")
    (run,) = Path("outputs/default").glob("supervised_*")
    for kind in set(FORMATS) - {"hugging_face"}:  # of models of transformers
        told = kdrun("export", str(run), "--format", kind)
        assert told.status == 0, told.err
        assert ("the run was scored in bfloat16" in told.out) == (precision == "bf16")
    assert kdrun("predict", str(run), "--record", "table.npz").status == 0
    members = ("+teacher@teacher.members.a=linear", "+teacher@teacher.members.b=mlp")
    own = {
        "network": ("teacher=linear",),
        "ensemble": ("teacher=ensemble", *members),
        "onnx": ("teacher=onnx", f"teacher.path={run}/export.onnx"),
        "recorded": ("teacher=recorded", "teacher.path=table.npz"),
        "sklearn": (
            "teacher=sklearn",
            "teacher.estimator={_target_:sklearn.linear_model.LogisticRegression}",
        ),
        "random_forest": ("teacher=random_forest", "teacher.estimator.n_estimators=3"),
        "gradient_boosting": ("teacher=gradient_boosting", "teacher.estimator.max_iter=3"),
    }
    assert own.keys() == choices("teacher")
    for words in own.values():
        rows = swept(kdrun, *TINY[:2], "method=distill", *words)
    assert {row["precision"] for row in rows} == {precision}
    assert json.loads((run / "record.json").read_text())["run"]["precision"] == precision
