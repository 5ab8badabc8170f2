"""What a student takes from the source's model."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from torch import Tensor

from kdrun.model.features import Network
from kdrun.transfer import Source
from kdrun.transfer.start import carry_over, fingerprint
from tests.transfer.trial import load, logits, student

ROWS = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)


def trained(classes: int = 3, hidden: int = 8) -> Network:
    """A network that is no student of seed 0."""
    network = student(6, classes, "mlp.MLP", hidden=[hidden])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter))
    return network


def source(model: Network, ours: str = "abc", theirs: str = "abc") -> Source:
    return Source(load(ROWS), list(ours), list(theirs), model=lambda: model)


def test_all_of_it_is_kept_where_the_classes_are_the_same() -> None:
    model, network = trained(), student(6, 3, "mlp.MLP", hidden=[8])
    report = carry_over(network, source(model), "keep")
    assert torch.equal(logits(network, ROWS), logits(model, ROWS))
    assert fingerprint(network) == fingerprint(model)
    assert report["matched"] == len(model.state_dict()) - 2
    assert report["missing"] == report["mismatched"] == report["unused"] == []
    assert report["classes_kept"] == 3


def test_a_reset_head_is_the_students_own() -> None:
    model, network = trained(), student(6, 3, "mlp.MLP", hidden=[8])
    fresh = network.state_dict()["net.head.weight"].clone()
    carry_over(network, source(model), "reset")
    assert torch.equal(network.state_dict()["net.head.weight"], fresh)
    assert torch.equal(network.net.layers[0][0].weight, model.net.layers[0][0].weight)  # type: ignore[index,union-attr]


def test_classes_are_kept_by_name() -> None:
    model, network = trained(), student(6, 4, "mlp.MLP", hidden=[8])
    fresh = logits(network, ROWS)
    report = carry_over(network, source(model, "abc", "cxay"), "keep")
    before, after = logits(model, ROWS), logits(network, ROWS)
    assert torch.equal(after[:, [0, 2]], before[:, [2, 0]])
    assert report["classes_kept"] == 2
    assert not torch.equal(after[:, 1], fresh[:, 1])  # over another backbone


def test_without_a_shared_class_the_log_says_that_the_head_is_new(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = student(6, 3, "mlp.MLP", hidden=[8])
    with caplog.at_level(logging.INFO):
        carry_over(network, source(trained(), "abc", "xyz"), "keep")
    assert "the source has none of the 3 classes: the classifier is a new one" in caplog.text
    assert "2 tensors of the backbone came from the source" in caplog.text


def test_another_architecture_is_refused_with_what_did_not_fit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = student(6, 3, "mlp.MLP", hidden=[8])
    with pytest.raises(ValueError, match=r"only 0 of the .* another architecture"):
        carry_over(network, source(trained(hidden=9)), "keep")
    assert "2 tensors are mismatched, such as net.layers.0" in caplog.text


def test_a_value_is_kept_in_the_units_of_the_target() -> None:
    model, network = trained(classes=1), student(6, 1, "mlp.MLP", hidden=[8])
    model.unit, network.unit = (10.0, 3.0), (-2.0, 0.5)
    carry_over(network, Source(load(ROWS), [], [], model=lambda: model), "keep")
    assert torch.allclose(logits(network, ROWS), logits(model, ROWS), atol=1e-4)


def test_a_fingerprint_is_of_every_number() -> None:
    network = trained()
    before = fingerprint(network)
    values: Tensor = network.state_dict()["net.head.bias"]
    values[2] = torch.nextafter(values[2], torch.tensor(100.0))
    assert fingerprint(network) != before
