"""`--format hugging_face`: plain transformers loads the folder, and says and writes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.dataset.loader import make_loader
from kdrun.export import export
from kdrun.model import weights
from kdrun.results.record import save_record
from kdrun.task.completions import complete
from tests.export.conftest import Make
from tests.export.kinds import KINDS
from tests.method.writers import CONFIGS, data, network

transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize("form", ["joined", "apart"])
def test_plain_transformers_says_and_writes_the_same(tmp_path: Path, form: str) -> None:
    of = data(tmp_path, form)
    own: Any = network(of, form).eval()
    run = tmp_path / "run"
    run.mkdir()
    facts: Any = {"classes": [], "shape": of.shape, "reader": of.reader}
    file = run / "student.safetensors"
    weights.save(file, own, "tiny", CONFIGS[form], **facts, task=of.task.described)
    record: Any = {"run_id": "run", "status": "ok", "config": {"dataset": {}, "seed": 0}}
    record |= {"run": {"dataset": "pairs", "method": "seq_kd"}, "metrics": {"test_bleu": 0.25}}
    record["task"] = of.task.record()
    save_record(run, record)
    told = export(str(run), "hugging_face")
    assert "largest difference" in told
    with pytest.raises(ValueError, match="is there already"):
        export(str(run), "hugging_face")

    folder = run / "export"
    auto = (
        transformers.AutoModelForSeq2SeqLM if form == "apart" else transformers.AutoModelForCausalLM
    )
    net, tokenizer = (one.from_pretrained(folder) for one in (auto, transformers.AutoTokenizer))
    (batch, *_) = make_loader(of.test, 4, seed=0, train=False).epoch(0)
    torch.testing.assert_close(net.eval()(**batch.input).logits, own(batch).logits)
    (one, *_) = make_loader(of.test, 1, seed=0, train=False).epoch(0)
    first = one.input["input_ids"][0]  # type: ignore[index]
    text = tokenizer.decode(first[: (first == 0).nonzero()[0]])
    given = tokenizer(text + tokenizer.eos_token, return_tensors="pt")
    given.pop("token_type_ids", None)
    said = net.generate(**given, do_sample=False, max_new_tokens=of.task.most)[0]  # type: ignore[attr-defined]
    said = said[1 if form == "apart" else given["input_ids"].shape[1] :]
    assert tokenizer.decode(said, skip_special_tokens=True) == complete(of.task, own, one)[0]  # type: ignore[arg-type]
    card = (folder / "README.md").read_text()
    assert "probability of each next token" in card
    assert "- method: seq_kd" in card
    assert "| test_bleu | 25.00 % |" in card


def test_what_transformers_does_not_know_is_refused(student: Make) -> None:
    folder, _ = student(**KINDS["mlp"])
    with pytest.raises(ValueError, match="no network of transformers"):
        export(str(folder), "hugging_face")
    assert not (folder / "export").exists()
