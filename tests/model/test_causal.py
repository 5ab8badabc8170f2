"""Language models say what transformers' own say."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kdrun.model import build
from kdrun.task.generation import Generation
from kdrun.types import Batch

transformers = pytest.importorskip("transformers")

TINY = {
    "_target_": "kdrun.model.causal.create",
    "architecture": "gpt2",
    "n_layer": 2,
    "n_head": 2,
    "n_embd": 8,
    "n_positions": 16,
}
SHAPE = {"input_ids": (6,), "attention_mask": (6,)}


def made(**settings: Any) -> Any:
    torch.manual_seed(0)
    task = Generation(vocabulary=20)
    return build({**TINY, **settings}, num_classes=20, shape=SHAPE, task=task).eval()


def batch() -> Batch:
    torch.manual_seed(1)
    ids, mask = torch.randint(0, 20, (3, 6)), torch.ones(3, 6, dtype=torch.long)
    target = ids.roll(-1, 1)
    target[:, -1] = -1
    mask[1, 4:], target[1, 3:] = 0, -1
    return Batch({"input_ids": ids, "attention_mask": mask}, target, torch.arange(3))


def test_logits_and_likelihood_are_those_of_transformers() -> None:
    network, given = made(), batch()
    assert isinstance(given.input, dict)
    labels = given.input["input_ids"].masked_fill(given.input["attention_mask"] == 0, -100)
    own = network.net(**given.input, labels=labels)
    outputs = network(given)
    counts = given.input["attention_mask"] > 0
    torch.testing.assert_close(outputs.logits[counts], own.logits[counts])
    task = Generation(vocabulary=20)
    torch.testing.assert_close(task.supervised(outputs, given), own.loss)


def test_it_is_rebuilt_from_what_it_says_of_itself() -> None:
    network, given = made(), batch()
    again = build(
        network.net.described,
        num_classes=20,
        shape=SHAPE,
        task=Generation(vocabulary=20),
        place="written",
    ).eval()
    again.net.load_state_dict(network.net.state_dict())
    torch.testing.assert_close(again(given).logits, network(given).logits)


def test_stages_are_its_layers() -> None:
    network, given = made(), batch()
    network.keep({"features"})
    assert len(network(given).features) == 2


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"architecture": "gpt22"}, "no causal language model 'gpt22'.*gpt2"),
        ({"architecture": "t5"}, "no causal language model 't5'"),
        ({"n_layers": 3}, "no setting 'n_layers'.*n_layer"),
    ],
)
def test_mistakes_are_told(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        made(**settings)


def test_texts_longer_than_its_positions_are_told() -> None:
    with pytest.raises(ValueError, match=r"it knows about 4 positions: .* dataset.length"):
        made(n_positions=4)


def test_layers_that_are_computed_again_have_the_same_gradients() -> None:
    gradients, asked = [], [0, 0]
    for again in (False, True):
        network, given = made(gradient_checkpointing=again).train(), batch()

        def count(*_: object, again: bool = again) -> None:
            asked[again] += 1

        network.net.transformer.h[0].mlp.register_forward_pre_hook(count)
        torch.manual_seed(2)  # of dropout
        Generation(vocabulary=20).supervised(network(given), given).backward()
        gradients.append([p.grad for p in network.parameters()])
    assert asked == [1, 2]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
