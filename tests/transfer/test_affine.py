"""Maps one after the other are one, and a network computes what was put into its last layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from kdrun.model.features import Network
from kdrun.transfer.affine import Affine, Kernel, Scale, head_of, install
from tests.transfer.trial import logits, student

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.standard_normal((9, 4))
ONE = Affine(RANDOM.standard_normal((4, 3)), RANDOM.standard_normal(3))
OTHER = Affine(RANDOM.standard_normal((3, 2)), RANDOM.standard_normal(2))
SCALE = Scale(np.array([1.0, -2.0, 0.0, 5.0]), np.array([2.0, 0.5, 1.0, 3.0]))


def test_two_maps_are_one() -> None:
    np.testing.assert_allclose(ONE.then(OTHER)(ROWS), OTHER(ONE(ROWS)))
    np.testing.assert_allclose(SCALE.then(ONE)(ROWS), ONE(SCALE(ROWS)))


def test_standardising_keeps_the_precision_of_the_rows() -> None:
    scaled = SCALE(ROWS.astype(np.float32))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled[:, 3], (ROWS[:, 3] - 5) / 3, rtol=1e-5)


def test_a_map_after_a_kernel_is_after_its_own() -> None:
    kernel = Kernel(ROWS[:4], 0.5, ONE).then(OTHER)
    assert kernel.gamma == 0.5
    seen = RANDOM.random((6, 4))
    np.testing.assert_allclose(kernel.after(seen), OTHER(ONE(seen)))


def test_a_linear_student_computes_the_decision_of_standardised_features() -> None:
    network = student(4, 3)
    install(network, SCALE, ONE)
    np.testing.assert_allclose(logits(network, ROWS).numpy(), ONE(SCALE(ROWS)), atol=1e-5)


def test_a_network_of_landmarks_computes_a_kernel_however_many_it_has() -> None:
    centres, after = ROWS[:4], Affine(RANDOM.standard_normal((4, 3)), RANDOM.standard_normal(3))
    network = student(4, 3, "rbf.RBF", landmarks=7)
    install(network, SCALE, Kernel(centres, 0.3, after))
    scaled = SCALE(ROWS)
    expected = np.zeros((9, 3))
    for n, row in enumerate(scaled):
        near = [np.exp(-0.3 * ((row - centre) ** 2).sum()) for centre in centres]
        expected[n] = sum(k * w for k, w in zip(near, after.weight, strict=True)) + after.bias
    np.testing.assert_allclose(logits(network, ROWS).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "decision", "told"),
    [
        ("linear", Kernel(ROWS[:4], 0.3, ONE), r"needs student=rbf student\.model\.landmarks=4"),
        ("rbf", ONE, "student=rbf is for transfer=tca with a Gaussian kernel"),
        ("rbf", Kernel(ROWS, 0.3, ONE), "or fewer transfer.max_samples"),
    ],
)
def test_a_network_of_another_kind_is_refused(
    kind: str, decision: Affine | Kernel, told: str
) -> None:
    own = student(4, 3, "rbf.RBF", landmarks=7) if kind == "rbf" else student(4, 3)
    with pytest.raises(ValueError, match=told):
        install(own, SCALE, decision)


def test_without_a_linear_classifier_there_is_nothing_to_set() -> None:
    assert isinstance(head_of(student(4, 3)), nn.Linear)
    torch.manual_seed(0)
    for net in (nn.Sequential(nn.Linear(4, 3, bias=False)), nn.Sequential(nn.Conv1d(4, 3, 1))):
        with pytest.raises(ValueError, match="does not end in a linear layer with a bias"):
            head_of(Network(net))
