"""Texts that are written: as transformers writes them, whatever else is in the batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kdrun.task.decode import decode, prompts

transformers = pytest.importorskip("transformers")

END = 0
OWN = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), END)


def decoder() -> Any:
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=50, n_layer=1, n_head=2, n_embd=8, n_positions=24, initializer_range=0.5, **OWN
    )
    return transformers.GPT2LMHeadModel(config).eval()


def translator() -> Any:
    torch.manual_seed(0)
    sizes = {"d_model": 8, "d_kv": 4, "d_ff": 16, "num_heads": 2, "num_layers": 1}
    config = transformers.T5Config(vocab_size=50, **sizes, initializer_factor=3.0)
    return transformers.T5ForConditionalGeneration(config).eval()


RAGGED = [[7, 3, 9], [4], [11, 12, 13, 14, 15, 16], [30, 31]]


def filled(texts: list[list[int]]) -> dict[str, Tensor]:
    width = max(map(len, texts))
    ids = torch.tensor([[*text, *[END] * (width - len(text))] for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in texts])
    return {"input_ids": ids, "attention_mask": mask}


def theirs(net: Any, given: dict[str, Tensor], most: int) -> list[int]:
    """What transformers writes after one prompt."""
    settings = {"max_new_tokens": most, "do_sample": False, "num_beams": 1}
    told = {"eos_token_id": END, "pad_token_id": END, "decoder_start_token_id": END}
    said = net.generate(**given, **settings, **told)[0].tolist()
    return said[1 if "decoder_input_ids" in given else given["input_ids"].shape[1] :]


@pytest.mark.parametrize("make", [decoder, translator])
def test_it_writes_what_transformers_writes(make: Any) -> None:
    net = make()
    apart = make is translator
    start = {"decoder_input_ids": torch.zeros(len(RAGGED), 1, dtype=torch.long)} if apart else {}
    together = decode(net, {**filled(RAGGED), **start}, END, 12)
    for text, row in zip(RAGGED, together, strict=True):
        one = {name: value[:1] for name, value in start.items()}
        said = row[row >= 0].tolist()
        assert said == theirs(net, {**filled([text]), **one}, 12)
        assert (row[len(said) :] == -1).all()
    assert len({tuple(row.tolist()) for row in together}) > 1


def test_the_cache_changes_nothing() -> None:
    net, ids = decoder(), torch.tensor([[5, 6, 7]])
    (said,) = decode(net, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, 49, 8)
    for token in said[said >= 0]:
        assert net(ids).logits[0, -1].argmax() == token
        ids = torch.cat([ids, token.view(1, 1)], 1)


def test_no_more_is_written_than_a_model_has_room_for() -> None:
    given = filled([[1] * 20])
    assert decode(decoder(), given, 99, 50).shape[1] == 5
    with pytest.raises(ValueError, match="25 tokens is longer than the 24"):
        decode(decoder(), filled([[1] * 25]), 99, 5)


def test_prompts_end_where_the_first_token_counts() -> None:
    given = filled([[1, 2, 3, 4], [5, 6, 7]])
    target = torch.tensor([[-1, 3, 4, 0], [6, 7, 0, -1]])
    found = prompts(given, target)
    assert found["input_ids"].tolist() == [[1, 2], [5, 6]]
    assert found["attention_mask"].tolist() == [[1, 1], [1, 0]]
    found = prompts(given, torch.full_like(target, -1))
    assert torch.equal(found["input_ids"], given["input_ids"])
    assert torch.equal(found["attention_mask"], given["attention_mask"])
