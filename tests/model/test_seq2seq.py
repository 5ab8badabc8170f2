"""Models with an encoder say what transformers' own say, and padding changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kdrun.dataset.layout import Layout
from kdrun.model import build
from kdrun.task.generation import Generation
from kdrun.types import Batch

transformers = pytest.importorskip("transformers")

TINY: dict[str, Any] = {
    "_target_": "kdrun.model.seq2seq.create",
    "architecture": "t5",
    "num_layers": 1,
    "num_decoder_layers": 1,
    "d_model": 8,
    "d_kv": 4,
    "d_ff": 16,
    "num_heads": 2,
}
BART = {
    "_target_": "kdrun.model.seq2seq.create",
    "architecture": "bart",
    **dict.fromkeys(("encoder_layers", "decoder_layers"), 1),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 16),
    "d_model": 8,
    "max_position_embeddings": 32,
}
NAMES = ("input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask")
TASK = Generation(vocabulary=20, end=0)


def made(config: dict[str, Any] = TINY, width: int = 6) -> Any:
    torch.manual_seed(0)
    shape: dict[str, tuple[int, ...]] = dict.fromkeys(NAMES, (width,))
    return build(config, num_classes=20, shape=shape, task=TASK).eval()


def batch(width: int = 0) -> Batch:
    layout = Layout("apart", end=0, start=0)
    given, target = layout([[1, 2, 3], [4]], [[5, 6], [7, 8, 9, 10]], width)
    return Batch(given, target, torch.arange(2))


@pytest.mark.parametrize("config", [TINY, BART], ids=["t5", "bart"])
def test_likelihood_is_that_of_transformers(config: dict[str, Any]) -> None:
    network, given = made(config), batch()
    assert isinstance(given.input, dict)
    labels = given.target.masked_fill(given.target < 0, -100)
    own = network.net(**given.input, labels=labels)
    torch.testing.assert_close(TASK.supervised(network(given), given), own.loss)
    wide = TASK.supervised(network(batch(9)), batch(9))
    torch.testing.assert_close(wide, own.loss)


def test_it_is_rebuilt_from_what_it_says_of_itself() -> None:
    network, given = made(), batch()
    shape: dict[str, tuple[int, ...]] = dict.fromkeys(NAMES, (6,))
    again = build(network.net.described, num_classes=20, shape=shape, task=TASK, place="written")
    again.eval().net.load_state_dict(network.net.state_dict())
    torch.testing.assert_close(again(given).logits, network(given).logits)


def test_data_of_one_text_are_refused() -> None:
    shape = {"input_ids": (6,), "attention_mask": (6,)}
    with pytest.raises(ValueError, match=r"dataset\.form=apart"):
        build(TINY, num_classes=20, shape=shape, task=TASK)
    with pytest.raises(ValueError, match="no model with an encoder and a decoder 'gpt2'"):
        made({**TINY, "architecture": "gpt2"})
