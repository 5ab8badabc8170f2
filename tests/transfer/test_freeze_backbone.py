"""A probe is scikit-learn on the features, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from kdrun.dataset.loader import make_loader
from kdrun.model import build
from kdrun.model.features import Network
from kdrun.transfer import Source
from kdrun.transfer.freeze_backbone import FreezeBackbone
from kdrun.transfer.lp_ft import LPFT
from kdrun.transfer.store import features
from kdrun.types import Arrays, Batch, Loader
from tests.transfer.trial import logistic

RANDOM = torch.Generator().manual_seed(0)
IMAGES = torch.randint(0, 256, (90, 1, 8, 8), generator=RANDOM, dtype=torch.uint8)
LABELS = (IMAGES.float().mean((1, 2, 3)).argsort().argsort() // 30).long()


def network(classes: int = 3) -> Network:
    config = {"_target_": "kdrun.model.resnet.ResNet", "depth": 8}
    return build(config, num_classes=classes, shape=(1, 8, 8))


def load(targets: Tensor) -> Loader:
    return make_loader(Arrays(IMAGES, targets), 32, seed=0, train=False)


def source(model: Network) -> Source:
    return Source(load(LABELS), list("xyz"), list("abc"), model=lambda: model)


def probe() -> FreezeBackbone:
    return FreezeBackbone(classifier=logistic(), regressor=Ridge())


@torch.no_grad()
def outputs(student: Network) -> Tensor:
    found: Tensor = student.eval()(Batch(IMAGES / 255, LABELS, LABELS)).logits
    return found


def test_it_equals_scikit_learn_on_the_same_features() -> None:
    model, some = network(), LABELS.clone()
    some[::2] = -1
    student = probe()(network(), source(model), load(some))
    rows, known = features(model, load(LABELS), None), (some >= 0).numpy()
    fitted = make_pipeline(StandardScaler(), logistic()).fit(rows[known], some[some >= 0])
    expected = fitted.decision_function(rows)
    assert np.allclose(outputs(student), expected, atol=1e-3)
    assert probe().epochs == 0


def test_a_regression_is_a_ridge_in_the_units_of_the_values() -> None:
    model, values = network(1), LABELS.float() * 7 + 100
    student = network(1)
    student.unit = (float(values.mean()), float(values.std(correction=0)))
    student = probe()(student, Source(load(LABELS), [], [], model=lambda: model), load(values))
    rows = features(model, load(LABELS), None)
    fitted = make_pipeline(StandardScaler(), Ridge()).fit(rows, values.numpy())
    assert np.allclose(outputs(student)[:, 0], fitted.predict(rows), atol=1e-2)


def test_the_backbone_and_its_statistics_are_the_sources() -> None:
    model = network()
    model.train()(Batch(IMAGES / 255, LABELS, LABELS))  # statistics of its own
    student = probe()(network(), source(model), load(LABELS))
    changed = {
        name
        for name, value in student.state_dict().items()
        if not torch.equal(value, model.state_dict()[name])
    }
    assert changed == {"net.fc.weight", "net.fc.bias"}


def test_lp_ft_begins_where_the_probe_ends() -> None:
    model = network()
    probed = probe()(network(), source(model), load(LABELS))
    strategy = LPFT(classifier=logistic(), regressor=Ridge(), layer_decay=0.5)
    begun = strategy(network(), source(model), load(LABELS))
    assert torch.equal(outputs(begun), outputs(probed))
    assert strategy.epochs is None
    assert len(strategy.groups(begun, 0.1)) == 4


@pytest.mark.parametrize(
    ("targets", "told"),
    [(torch.full_like(LABELS, -1), "set dataset.labels"), (LABELS * 0, "all of one class")],
)
def test_labels_that_teach_nothing_are_refused(targets: Tensor, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        probe()(network(), source(network()), load(targets))
