"""Completions of a student: what they are scored, and the table that is written of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.dataset.loader import make_loader
from kdrun.dataset.new import prompts as read_new
from kdrun.dataset.pairs import pairs
from kdrun.model import build
from kdrun.task.completions import TABLE, complete, measure, scores

pytest.importorskip("transformers")


def test_scores_of_completions() -> None:
    pytest.importorskip("sacrebleu")
    wanted = ["ein Hund läuft über die Wiese", "zwei Kinder spielen im Sand"]
    same = scores(wanted, wanted)
    whole = pytest.approx(1.0)
    assert same == {"exact_match": 1.0, "rouge_l": 1.0, "chrf": whole, "bleu": whole}
    other = scores([wanted[0], "zwei Kinder schlafen im Sand"], wanted)
    assert other["exact_match"] == 0.5
    assert 0.3 < other["bleu"] < other["chrf"] < 1.0
    import sacrebleu

    said = ["ein Hund", "zwei Kinder im Sand"]
    assert scores(said, wanted)["bleu"] == pytest.approx(
        sacrebleu.BLEU(force=True).corpus_score(said, [wanted]).score / 100
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    rows = [f"{a} and {b}\t{b} {a}" for a in "abcde" for b in "vwxyz"]
    path.write_text("\n".join(["prompt\tcompletion", *rows]) + "\n")
    return str(path)


@pytest.mark.parametrize("form", ["joined", "apart"])
def test_a_table_of_what_was_asked_said_and_wanted(file: str, form: str, tmp_path: Path) -> None:
    data = pairs(file, form=form, vocabulary=257, length=32)  # type: ignore[arg-type]
    config: dict[str, Any] = {"_target_": "kdrun.model.causal.create", "architecture": "gpt2"}
    config |= {"n_layer": 1, "n_head": 2, "n_embd": 8, "n_positions": 32}
    if form == "apart":
        config = {"_target_": "kdrun.model.seq2seq.create", "architecture": "t5", "d_kv": 4}
        config |= {
            "num_layers": 1,
            "num_decoder_layers": 1,
            "d_model": 8,
            "d_ff": 8,
            "num_heads": 2,
        }
    torch.manual_seed(0)
    task: Any = data.task
    model = build(config, num_classes=task.width, shape=data.shape, task=task).eval()
    batches = make_loader(data.test, 2, seed=0, train=False).epoch(0)
    found = measure(task, model, batches, tmp_path)
    with (tmp_path / TABLE).open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    wanted = {f"{a} and {b}": f"{b} {a}" for a in "abcde" for b in "vwxyz"}
    assert len(rows) == len(data.test)
    assert all(row["reference"] == wanted[row["prompt"]] for row in rows)
    assert found["exact_match"] == sum(r["completion"] == r["reference"] for r in rows) / len(rows)

    reader = dict(data.reader or {})
    del reader["_target_"]
    (tmp_path / "new.txt").write_text("".join(f"{row['prompt']}\n" for row in rows))
    new = read_new(str(tmp_path / "new.txt"), **reader)
    (batch,) = make_loader(new, len(rows), seed=0, train=False).epoch(0)
    assert complete(task, model, batch) == [row["completion"] for row in rows]
