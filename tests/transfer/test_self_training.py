"""Self-training: whose answers count, and who follows whom."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kdrun.transfer.self_training import SelfTraining
from kdrun.transfer.strong import strong
from kdrun.types import Arrays, Batch, Outputs
from tests.transfer.domains import images, loader, net


def bound(threshold: float, seed: int = 0) -> tuple[SelfTraining, torch.nn.Module, Batch]:
    student = net(seed).eval()
    term = SelfTraining(threshold=threshold)
    target = loader(images(32, 2))
    term.bind(student, target)
    return term, student, next(iter(target.epoch(0)))


def slow(student: torch.nn.Module, batch: Batch, threshold: float, seed: int) -> float:
    torch.manual_seed(seed)
    assert isinstance(batch.input, torch.Tensor)
    with torch.no_grad():
        answers = student(batch).logits.double().numpy()
        harder = student(batch._replace(input=strong(batch.input))).logits.double().numpy()
    total = 0.0
    for answer, logits in zip(answers, harder, strict=True):
        p = np.exp(answer) / np.exp(answer).sum()
        if p.max() >= threshold:
            total -= np.log(np.exp(logits) / np.exp(logits).sum())[p.argmax()]
    return total / len(answers)


@pytest.mark.parametrize("threshold", [0.0, 0.42])
def test_it_is_cross_entropy_with_the_confident_answers(threshold: float) -> None:
    term, student, batch = bound(threshold)
    nothing = Outputs(torch.zeros(16, 3))
    expected = slow(student, batch, threshold, 4)
    assert threshold == 0 or 0 < expected < slow(student, batch, 0.0, 4)
    torch.manual_seed(4)
    np.testing.assert_allclose(term(nothing, nothing, batch).item(), expected, rtol=1e-5)


def test_nobody_confident_is_no_loss() -> None:
    term, _, batch = bound(0.999)
    assert term(Outputs(torch.zeros(16, 3)), Outputs(torch.zeros(16, 3)), batch).item() == 0


def test_the_teacher_is_the_mean_of_the_students_and_part_of_the_checkpoint() -> None:
    term, student, _ = bound(0.5)
    mean = [p.detach().clone().double() for p in student.parameters()]
    for step in range(1, 4):
        with torch.no_grad():
            for p in student.parameters():
                p.add_(step)
        term.after_step()
        alpha = min(1 - 1 / (step + 1), 0.99)
        mean = [
            alpha * m + (1 - alpha) * p for m, p in zip(mean, student.parameters(), strict=True)
        ]
    for found, expected in zip(term.teacher.parameters(), mean, strict=True):
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    assert any(key.startswith("teacher.") for key in term.state_dict())
    assert int(term.state_dict()["steps"]) == 3


def test_the_teacher_is_not_trained_and_never_in_training_mode() -> None:
    term, student, batch = bound(0.0)
    term.train()
    assert not term.teacher.network.training
    term(Outputs(torch.zeros(16, 3)), Outputs(torch.zeros(16, 3)), batch).backward()
    assert all(p.grad is None and not p.requires_grad for p in term.teacher.parameters())
    assert all(p.grad is not None for p in student.parameters())
    assert not [p for p in term.parameters() if p.requires_grad]


def test_rows_are_refused() -> None:
    rows = Arrays(torch.zeros(4, 5), torch.zeros(4, dtype=torch.int64))
    from kdrun.dataset.loader import make_loader

    with pytest.raises(ValueError, match="these are none"):
        SelfTraining().bind(net(), make_loader(rows, 2, seed=0, train=False))
