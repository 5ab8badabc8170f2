"""Metrics against scikit-learn, costs against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference
from torch import nn

from kdrun.dataset.loader import make_loader
from kdrun.model.features import Network
from kdrun.model.stack import Stack
from kdrun.score.evaluate import evaluate, macs, parameters
from kdrun.task.classification import Classification
from kdrun.task.confusion import BINS
from kdrun.types import Arrays, Batch, Outputs


class Says(nn.Module):
    """A model whose logits are its input."""

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(batch.input)


class Recalls(nn.Module):
    """A model that knows its logits by the sample's index."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(self.logits[batch.index])


def scored(logits, targets, teacher=None, batch_size=7):
    loader = make_loader(Arrays(logits, targets), batch_size, seed=0, train=False)
    task = Classification(tuple(str(label) for label in range(logits.shape[1])))
    return evaluate(Says(), loader, task, None if teacher is None else Recalls(teacher))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 8), st.integers(3, 60), st.integers(0, 10_000), st.booleans())
def test_metrics_equal_scikit_learn(classes, samples, seed, skewed):
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.normal(size=(samples, classes)).astype(np.float32) * 3)
    high = max(1, classes // 2) if skewed else classes  # some classes never occur
    targets = torch.from_numpy(random.integers(0, high, samples))
    got, confusion = scored(logits, targets)
    said, true = logits.argmax(1).numpy(), targets.numpy()
    macro = reference.precision_recall_fscore_support(true, said, average="macro", zero_division=0)
    assert got["accuracy"] == pytest.approx(reference.accuracy_score(true, said))
    assert [got["precision"], got["recall"], got["f1"]] == pytest.approx(macro[:3])
    labels = list(range(classes))
    assert confusion.tolist() == reference.confusion_matrix(true, said, labels=labels).tolist()
    p = logits.double().softmax(1).numpy()
    assert got["nll"] == pytest.approx(reference.log_loss(true, p, labels=labels), abs=1e-5)


def test_top5_is_at_least_accuracy_and_counts_five():
    logits = torch.eye(10)[torch.arange(10)] * 10 - torch.arange(10) * 0.1
    targets = torch.tensor([0, 1, 2, 3, 4, 0, 1, 2, 3, 9])
    got, _ = scored(logits, targets)
    expected = [t in row.topk(5).indices for row, t in zip(logits, targets, strict=True)]
    assert got["top5"] == pytest.approx(np.mean(expected))


def test_calibration_error_is_the_weighted_gap_per_bin():
    random = np.random.default_rng(0)
    logits = torch.from_numpy(random.normal(size=(200, 4)).astype(np.float32) * 2)
    targets = torch.from_numpy(random.integers(0, 4, 200))
    got, _ = scored(logits, targets)
    p = logits.softmax(1)
    confidence, said = p.max(1)
    right = (said == targets).numpy()
    gap = 0.0
    for b in range(BINS):
        inside = ((confidence > b / BINS) & (confidence <= (b + 1) / BINS)).numpy()
        if inside.any():
            gap += inside.mean() * abs(right[inside].mean() - confidence.numpy()[inside].mean())
    assert got["ece"] == pytest.approx(gap, abs=1e-6)


def test_a_student_agrees_with_itself():
    logits = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(30) % 4
    got, _ = scored(logits, targets, teacher=logits)
    assert got["agreement"] == 1
    assert got["kl_to_teacher"] == pytest.approx(0, abs=1e-6)
    assert got["teacher_accuracy"] == got["accuracy"]
    assert got["teacher_f1"] == got["f1"]
    turned, _ = scored(logits, targets, teacher=logits.roll(1, dims=1))
    other, _ = scored(logits.roll(1, dims=1), targets)
    assert turned["f1"] == got["f1"]
    assert turned["teacher_f1"] == other["f1"] != got["f1"]


def test_unlabelled_samples_do_not_count():
    logits = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(20) % 3
    hidden = torch.where(torch.arange(20) < 10, targets, -1)
    assert scored(logits, hidden)[0] == pytest.approx(scored(logits[:10], targets[:10])[0])


def test_cost_is_counted_not_guessed():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(8 * 16, 5))
    network = Network(net, mean=[0.5] * 3, std=[0.2] * 3)
    assert parameters(network) == 3 * 8 * 9 + 8 + 8 * 16 * 5 + 5
    assert macs(network, (3, 4, 4)) == 3 * 8 * 9 * 16 + 8 * 16 * 5


def test_cost_is_counted_in_float32_whatever_networks_compute_in():
    """The meta device has no autocast: neither for a network nor for one below it."""
    below, above = (Network(nn.Sequential(nn.Flatten(), nn.Linear(n, 4))) for n in (12, 4))
    whole = Stack(above, "{}", below)
    for network in (below, above):
        network.dtype = torch.bfloat16
    assert macs(whole, (3, 2, 2)) == 12 * 4 + 4 * 4
    assert below.dtype is above.dtype is torch.bfloat16


def test_what_a_student_knows_beyond_its_teacher_is_counted():
    target = torch.tensor([0, 1, 2, 2])
    student, teacher, right = (
        torch.eye(3)[torch.tensor(said)] for said in ([1, 1, 0, 2], [0, 0, 0, 2], [0, 1, 2, 2])
    )
    got = scored(student, target, teacher).metrics
    assert got["accuracy_where_teacher_wrong"] == pytest.approx(1 / 2)
    assert "accuracy_where_teacher_wrong" not in scored(student, target, right).metrics
