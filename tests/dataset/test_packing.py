"""Texts that share rows: each of them whole, once, and learnt from as if it were alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kdrun.dataset.packing import in_rows, packed, together
from kdrun.method.on_policy import OnPolicy
from kdrun.method.seq_kd import SeqKD
from kdrun.model import build
from kdrun.task.generation import Generation
from kdrun.types import Arrays, Batch, Dataset

SIZES = (5, 2, 7, 1, 3, 4, 2)
GPT2 = {"architecture": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 8, "n_positions": 12}
LLAMA = {
    **{"architecture": "llama", "hidden_size": 8, "intermediate_size": 16},
    **{"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1},
}


def texts() -> Arrays:
    """Ragged texts, the first token of each a prompt."""
    torch.manual_seed(0)
    width = max(SIZES)
    mask = (torch.arange(width) < torch.tensor(SIZES)[:, None]).long()
    ids = torch.randint(1, 20, (len(SIZES), width)) * mask
    targets = torch.where(mask > 0, torch.randint(0, 20, ids.shape), -1)
    targets[:, 0] = -1
    given = {"input_ids": ids, "attention_mask": mask}
    return Arrays(given, targets, ids=[f"t{n}" for n in range(len(SIZES))])


def test_rows_hold_each_text_once_and_no_more_than_fits() -> None:
    rows = together(SIZES, 8)
    assert sorted(text for row in rows for text in row) == list(range(len(SIZES)))
    assert all(sum(SIZES[text] for text in row) <= 8 for row in rows)
    assert len(rows) == 3  # of 24 tokens: nothing is left
    assert together((), 8) == []


def test_a_row_begins_anew_with_each_of_its_texts() -> None:
    single, rows = texts(), packed(texts(), 8, 0)
    assert isinstance(rows.inputs, dict)
    places, ids = rows.inputs["position_ids"], rows.inputs["input_ids"]
    for number, row in enumerate(together(SIZES, 8)):
        assert rows.ids is not None
        assert rows.ids[number] == f"t{row[0]}"
        wanted = torch.cat([single.inputs["input_ids"][text, : SIZES[text]] for text in row])  # type: ignore[index]
        assert ids[number, : len(wanted)].tolist() == wanted.tolist()
        assert places[number, : len(wanted)].tolist() == [n for t in row for n in range(SIZES[t])]
    assert int((rows.targets >= 0).sum()) == int((single.targets >= 0).sum())


@pytest.mark.parametrize("shape", [GPT2, LLAMA], ids=["gpt2", "llama"])
def test_what_is_learnt_is_what_single_texts_teach(shape: dict[str, Any]) -> None:
    pytest.importorskip("transformers")
    task = Generation(vocabulary=20)
    model = {"_target_": "kdrun.model.causal.create", **shape}
    network = build(model, num_classes=20, shape={"input_ids": (8,)}, task=task).double().eval()

    def learnt(split: Arrays) -> tuple[Tensor, list[Tensor]]:
        network.zero_grad()
        batch = Batch(split.inputs, split.targets, torch.arange(len(split)))
        loss = task.supervised(network(batch), batch)
        loss.backward()
        return loss, [p.grad.clone() for p in network.parameters() if p.grad is not None]

    (alone, one), (shared, other) = learnt(texts()), learnt(packed(texts(), 11, 0))
    torch.testing.assert_close(shared, alone, rtol=1e-6, atol=1e-7)
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-5, atol=1e-6)


def test_what_needs_single_texts_is_refused() -> None:
    task = Generation(vocabulary=20, end=0, prompted=True)
    data = in_rows(Dataset(texts(), None, texts(), [], {}, task=task), 8, 0)
    assert "7 texts of the train part in 3 rows of 8 tokens" in data.notes[0]
    assert isinstance(data.task, Generation)
    for method in (OnPolicy, SeqKD):
        method.suits(task)
        with pytest.raises(ValueError, match=r"completes single texts: set dataset.packed=false"):
            method.suits(data.task)
    data.task.compares({"logits"})
    task.compares({"embedding"})
    with pytest.raises(ValueError, match="it reads embedding, and rows hold several texts"):
        data.task.compares({"logits", "embedding"})
