"""How much the samples of each class count."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from kdrun.loss.ce import CE
from kdrun.loss.class_weights import fitting, parsed, weights
from kdrun.types import Batch, Outputs

TARGETS = torch.tensor([0, 0, 0, 0, 0, 1, 2, 2, -1])


def test_balanced_is_that_of_scikit_learn():
    known = TARGETS[TARGETS >= 0].numpy()
    expected = compute_class_weight("balanced", classes=np.arange(3), y=known)
    found = weights("balanced", TARGETS, 3)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_a_class_that_never_occurs_counts_nothing():
    found = weights("balanced", TARGETS, 4)
    assert found[3] == 0
    assert float(found[TARGETS[:-1]].mean()) == pytest.approx(1)


def test_the_weighted_term_is_a_mean_over_samples():
    logits = torch.randn(9, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    term, outputs = CE(class_weights=[1.0, 4.0, 0.5]), Outputs(logits)
    term.build(outputs, outputs, TARGETS)
    found = term(outputs, outputs, Batch(torch.zeros(9), TARGETS, torch.arange(9)))
    each = [
        weight * -float(row.log_softmax(0)[target])
        for row, target in zip(logits, TARGETS.tolist(), strict=True)
        if target >= 0
        for weight in [[1.0, 4.0, 0.5][target]]
    ]
    assert found.item() == pytest.approx(sum(each) / 8)


def test_pixels_are_weighted_at_their_own_size_and_what_a_network_adds_stays():
    logits = torch.randn(2, 3, 2, 3, generator=torch.Generator().manual_seed(0))
    target = torch.randint(-1, 3, (2, 4, 6), generator=torch.Generator().manual_seed(1))
    loss = CE(class_weights=[1.0, 5.0, 0.5])
    said, batch = Outputs(logits), Batch(torch.zeros(2, 1), target, torch.arange(2))
    loss.build(said, said, target)
    large = torch.nn.functional.interpolate(logits, size=(4, 6), mode="bilinear")
    expected = 0.0
    for n, i, j in (target >= 0).nonzero().tolist():
        label = int(target[n, i, j])
        own = large[n, :, i, j].double()
        expected -= (1.0, 5.0, 0.5)[label] * float(own[label] - own.exp().sum().log())
    expected /= int((target >= 0).sum())
    assert loss(said, said, batch).item() == pytest.approx(expected, rel=1e-6)
    more = said._replace(loss=torch.tensor(2.0))
    assert loss(more, said, batch).item() == pytest.approx(expected + 2, rel=1e-6)


@pytest.mark.parametrize("rule", ["balancd", [], [0, 0], [1, -1], [1, "x"], [float("nan")]])
def test_what_is_no_rule_is_told(rule):
    with pytest.raises(ValueError, match="class_weights="):
        parsed(rule)


def test_a_rule_of_another_number_of_classes_is_told():
    with pytest.raises(ValueError, match="2 numbers for 3 classes"):
        fitting([1.0, 2.0], 3)
    with pytest.raises(ValueError, match="the data have values"):
        CE(class_weights="balanced").check(0)
    fitting("none", 0)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["train.class_weights=balancd"], "'balanced'"),
        (["train.class_weights=[1,2]"], "2 numbers for 10 classes"),
        (["train.sampler=even"], "balanced"),
        (["dataset=diabetes", "train.sampler=balanced"], "train.sampler=shuffle"),
    ],
)
def test_mistakes_on_the_command_line_are_told(kdrun, words, hint):
    told = kdrun("method=supervised", "student=linear", "train.epochs=1", *words)
    assert told.status == 2, told.out
    assert hint in told.err


def test_settings_that_are_off_leave_a_run_what_it_was(kdrun):
    from hydra import compose, initialize_config_dir

    from kdrun.config import register, schema

    register.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(schema.folder())):
        plain = schema.identity(compose("config", overrides=["method=supervised"]))
        focal = schema.identity(compose("config", ["method=supervised", "loss=focal"]))
        other = schema.identity(compose("config", ["train.class_weights=balanced"]))
    assert not plain["train"].keys() & schema.SINCE.keys()
    assert "loss" not in plain
    assert focal["loss"]["terms"]["ce"]["_target_"].endswith("Focal")
    assert schema.names(focal)["loss"] == "focal"
    assert other["train"]["class_weights"] == "balanced"
