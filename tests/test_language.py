"""A language model by one command: taught on its own texts, cut off, continued, and asked."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from kdrun.files import checkpoint
from tests.method.writers import file

pytest.importorskip("transformers")

TINY = ("n_layer=1", "n_head=2", "n_embd=8", "n_positions=32")


def test_from_pairs_to_completions(kdrun, monkeypatch) -> None:
    tiny = [f"{role}.model.{key}" for role in ("student", "teacher") for key in TINY]
    words = (
        *("dataset=pairs", f"dataset.path={file(Path())}", "dataset.vocabulary=257"),
        *("dataset.length=32", "method=on_policy", "loss=jsd", "teacher=gpt2", "student=gpt2"),
        *(*tiny, "train.epochs=2", "train.precision=fp32", "train.progress=false"),
        *("teacher.recipe.epochs=1", "train.batch_size=8", "method.fraction=0.7"),
    )
    told = kdrun(*words, "name=whole")
    assert told.status == 0, told.err
    real = checkpoint.save_state

    def interrupted(path: Path, state: dict[str, object]) -> None:
        real(path, state)
        raise KeyboardInterrupt

    monkeypatch.setattr("kdrun.run.course.save_state", interrupted)
    assert kdrun(*words, "name=torn").status == 130
    monkeypatch.setattr("kdrun.run.course.save_state", real)
    assert "continuing after epoch 1" in kdrun(*words, "name=torn").out
    whole, torn = (
        next(Path("outputs").glob(f"{n}/*/student.safetensors")) for n in ("whole", "torn")
    )
    assert whole.read_bytes() == torn.read_bytes()

    run = whole.parent
    metrics = json.loads((run / "record.json").read_text())["metrics"]
    assert 0 <= metrics["test_exact_match"] <= 1
    with (run / "completions.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    Path("new.csv").write_text("prompt\n" + "".join(f"{row['prompt']}\n" for row in rows))
    told = kdrun("predict", str(run), "new.csv", "--out", "said.csv")
    assert told.status == 0, told.err
    with Path("said.csv").open(newline="") as opened:
        said = [row["completion"] for row in csv.DictReader(opened)]
    assert said == [row["completion"] for row in rows]
    told = kdrun("predict", str(run), "new.csv", "--labels", "prompt")
    assert "leave --labels" in told.err


@pytest.mark.parametrize("form", ["joined", "apart"])
def test_kept_answers_are_those_of_the_live_teacher(kdrun, form: str) -> None:
    model = "gpt2" if form == "joined" else "t5"
    sizes = TINY
    if form == "apart":
        sizes = ("num_layers=1", "num_decoder_layers=1", "d_model=8", "d_kv=4", "d_ff=8")
    tiny = [f"{role}.model.{key}" for role in ("student", "teacher") for key in sizes]
    words = (
        *("dataset=pairs", f"dataset.path={file(Path())}", "dataset.vocabulary=257"),
        *(f"dataset.form={form}", "dataset.length=32", "loss=reverse_kl", f"teacher={model}"),
        *(f"student={model}", *tiny, "train.epochs=2", "train.precision=fp32"),
        *("train.progress=false", "train.batch_size=3"),
    )
    ways = {"live": ("none", "float32"), "kept": ("logits", "float32"), "top": ("logits", "top5")}
    for name, (cache, kept_as) in ways.items():
        keeps = (f"teacher.cache={cache}", f"teacher.cache_format={kept_as}")
        told = kdrun(*words, f"name={name}", *keeps)
        assert told.status == 0, told.err
    live, kept = (
        next(Path("outputs").glob(f"{n}/*/student.safetensors")) for n in ("live", "kept")
    )
    assert live.read_bytes() == kept.read_bytes()
    passes = json.loads((kept.parent / "record.json").read_text())["metrics"]["teacher_passes"]
    assert passes == 1
