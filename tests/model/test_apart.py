"""Networks that keep texts of one row apart, and those that do not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kdrun.model.apart import check_apart

transformers = pytest.importorskip("transformers")


SPECIAL = {"bos_token_id": 0, "eos_token_id": 0, "use_cache": False}


def test_a_network_that_reads_positions_passes_and_stays_as_it_is() -> None:
    config = transformers.GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=2, **SPECIAL)
    net = transformers.GPT2LMHeadModel(config).train()
    check_apart(net)
    assert net.training
    net.config.use_cache = True  # with which transformers does not look at positions
    with pytest.raises(ValueError, match="does not keep apart"):
        check_apart(net)


def test_one_without_positions_is_refused() -> None:
    config = transformers.BloomConfig(vocab_size=20, hidden_size=8, n_layer=1, n_head=2, **SPECIAL)
    with pytest.raises(ValueError, match="BloomForCausalLM does not keep apart"):
        check_apart(transformers.BloomForCausalLM(config))


def test_one_that_reads_positions_and_looks_across_is_refused() -> None:
    class Across(nn.Module):
        config = transformers.GPT2Config(vocab_size=20, **SPECIAL)

        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(20, 20)

        def forward(self, input_ids: Tensor, position_ids: Tensor) -> object:
            said = self.table(input_ids) + position_ids[..., None]
            return transformers.modeling_outputs.CausalLMOutput(logits=said.cumsum(1))

    torch.manual_seed(0)
    with pytest.raises(ValueError, match="Across does not keep apart"):
        check_apart(Across())
