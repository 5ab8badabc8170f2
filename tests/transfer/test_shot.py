"""Source-free adaptation against loops over samples."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import entr, softmax

from kdrun.transfer.shot import SHOT, nearest_centroid
from kdrun.types import Outputs
from tests.transfer.domains import batch_of, images, loader, net, said, value


def slow_labels(embedding: np.ndarray, p: np.ndarray) -> list[int]:
    rows = np.concatenate([embedding, np.ones((len(embedding), 1))], 1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    classes = p.shape[1]
    weights, known = p, {int(i) for i in p.argmax(1)}
    labels: list[int] = []
    for _ in range(2):
        centroids = {}
        for k in known:
            mean = sum(w * row for w, row in zip(weights[:, k], rows, strict=True))
            centroids[k] = mean / np.linalg.norm(mean)
        labels = [max(centroids, key=lambda k, r=row: float(r @ centroids[k])) for row in rows]
        weights, known = np.eye(classes)[labels], set(labels)
    return labels


def test_it_is_information_maximisation() -> None:
    target = said(9)
    p = softmax(target.logits.numpy(), axis=1)
    expected = entr(p).sum(1).mean() - entr(p.mean(0)).sum()
    np.testing.assert_allclose(value(SHOT(pseudo=0), target, target).item(), expected, rtol=1e-9)


def test_pseudo_labels_are_those_of_the_nearest_centroid() -> None:
    for seed in range(5):
        outputs = said(40, wide=4, classes=6, seed=seed)
        p = torch.softmax(3 * outputs.logits, 1)
        assert outputs.embedding is not None
        found = nearest_centroid(outputs.embedding, p).tolist()
        assert found == slow_labels(outputs.embedding.numpy(), p.numpy())


def test_a_class_that_nobody_chose_gets_no_sample() -> None:
    outputs = said(20, classes=3)
    p = torch.softmax(outputs.logits + torch.tensor([0.0, 0.0, -9.0]), 1)
    assert outputs.embedding is not None
    assert set(nearest_centroid(outputs.embedding, p).tolist()) == {0, 1}


def test_cross_entropy_with_the_labels_of_the_epoch_is_added() -> None:
    student, target = net().eval(), loader(images(32, 2))
    student.keep(["embedding"])
    term = SHOT(pseudo=0.3)
    term.bind(student, target)
    term.begin_epoch()
    assert len(term.labels) == 32
    outputs = said(6)
    batch = batch_of(outputs)._replace(index=torch.arange(20, 26))
    log_p = np.log(softmax(outputs.logits.numpy(), axis=1))
    picked = -log_p[range(6), term.labels[20:26].numpy()].mean()
    plain = value(SHOT(pseudo=0), outputs, outputs).item()
    np.testing.assert_allclose(term(outputs, outputs, batch).item(), plain + 0.3 * picked)


def test_asking_leaves_the_student_as_it_was() -> None:
    student = net().train()
    student.keep(["embedding"])
    before = {key: tensor.clone() for key, tensor in student.state_dict().items()}
    term = SHOT()
    term.bind(student, loader(images(32, 2)))
    state = torch.get_rng_state()
    term.begin_epoch()
    assert student.training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[key], student.state_dict()[key]) for key in before)
    assert not list(term.parameters())


def test_a_class_with_no_mass_left_has_a_finite_gradient() -> None:
    logits = torch.tensor([[300.0, 0.0, -300.0]] * 4, requires_grad=True)
    value(SHOT(pseudo=0), Outputs(logits), Outputs(logits)).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
