from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kdrun.model.attention import explicit, places
from kdrun.model.features import Network
from kdrun.model.transformers import create
from kdrun.types import Batch
from tests.hugging import classifier


def texts() -> Batch:
    ids = torch.randint(4, 80, (3, 9))
    mask = (torch.arange(9) < torch.tensor([9, 4, 6])[:, None]).long()
    return Batch({"input_ids": ids, "attention_mask": mask}, torch.zeros(3), torch.arange(3))


@pytest.fixture
def bert(tmp_path: Path) -> Network:
    net = create(str(classifier(tmp_path / "bert")), 2)
    return Network(net, stages=net.stage_names)  # type: ignore[arg-type]


@pytest.mark.parametrize("groups", [4, 2])
def test_explicit_attention_is_the_fused_one(groups: int) -> None:
    query, key = torch.randn(2, 4, 5, 3), torch.randn(2, groups, 5, 3)
    value, mask = torch.randn(2, groups, 5, 3), torch.randn(2, 1, 5, 5)
    fused = F.scaled_dot_product_attention(query, key, value, mask, enable_gqa=groups < 4)
    found, probabilities = explicit(nn.Identity(), query, key, value, mask)
    torch.testing.assert_close(found, fused.transpose(1, 2))
    torch.testing.assert_close(probabilities.sum(3), torch.ones(2, 4, 5))


def test_reading_attention_changes_no_answer_and_is_undone(bert: Network) -> None:
    bert.eval()
    batch = texts()
    before = bert(batch).logits
    implementation = bert.net.config._attn_implementation  # type: ignore[union-attr]
    bert.keep(["features", "attentions"])
    outputs = bert(batch)
    torch.testing.assert_close(outputs.logits, before)
    assert [tuple(a.shape) for a in outputs.attentions] == [(3, 2, 9, 9)] * 4
    for attention in outputs.attentions:
        torch.testing.assert_close(attention.sum(3), torch.ones(3, 2, 9))
        assert (attention[1, :, :, 4:] == 0).all()  # of padding
    bert.keep([])
    assert bert.net.config._attn_implementation == implementation  # type: ignore[union-attr]
    assert torch.equal(bert(batch).logits, before)


def test_dropout_leaves_the_probabilities_whole(bert: Network) -> None:
    bert.keep(["features", "attentions"])
    bert.train()
    for attention in bert(texts()).attentions:
        torch.testing.assert_close(attention.sum(3), torch.ones(3, 2, 9))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("gemma2", {"num_key_value_heads": 1, "head_dim": 8}),
        ("gpt_oss", {"num_key_value_heads": 1, "head_dim": 8, "num_local_experts": 4}),
    ],
)
def test_attention_that_is_computed_otherwise_is_told(
    tmp_path: Path, kind: str, settings: dict[str, int]
) -> None:
    net = create(str(classifier(tmp_path / kind, kind, **settings)), 2)
    network = Network(net, stages=net.stage_names).eval()  # type: ignore[arg-type]
    network(texts())
    network.keep(["attentions"])
    with pytest.raises(ValueError, match=r"has attention with (soft caps|sinks), which cannot"):
        network(texts())


def test_a_model_that_cannot_replace_its_attention_is_told(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "deberta", "deberta-v2", relative_attention=True)
    net = create(str(folder), 2)
    with pytest.raises(ValueError, match="no attention to read in stage"):
        places(net, net.stage_names)  # type: ignore[arg-type]
