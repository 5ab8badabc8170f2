"""The next token at every place: what counts, what is compared, what is scored."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.weight import Weight
from kdrun.method.supervised import Supervised
from kdrun.objective import Objective
from kdrun.task.generation import Generation
from kdrun.task.next_tokens import PART
from kdrun.train.shares import Shares
from kdrun.types import Batch, Outputs

TASK = Generation(vocabulary=7)


def some(lengths: tuple[int, ...] = (5, 3, 4)) -> tuple[Outputs, Outputs, Batch]:
    """Ragged texts, the first token of each a prompt."""
    torch.manual_seed(0)
    width = max(lengths)
    target = torch.randint(0, 7, (len(lengths), width))
    for row, length in enumerate(lengths):
        target[row, length:] = -1
        target[row, 0] = -1
    ids = torch.zeros(len(lengths), width, dtype=torch.long)
    batch = Batch({"input_ids": ids}, target, torch.arange(len(lengths)))
    shape = (len(lengths), width, 7)
    return Outputs(torch.randn(shape)), Outputs(torch.randn(shape)), batch


def test_the_supervised_term_is_a_mean_over_tokens() -> None:
    student, _, batch = some()
    slow = [
        -student.logits[n, i].log_softmax(0)[token]
        for n, row in enumerate(batch.target)
        for i, token in enumerate(row)
        if token >= 0
    ]
    torch.testing.assert_close(TASK.supervised(student, batch), torch.stack(slow).mean())
    assert int(TASK.count(batch.target, True)) == len(slow) == 9


def test_padding_changes_nothing() -> None:
    student, teacher, batch = some()
    wide = F.pad(batch.target, (0, 3), value=-1)
    longer = batch._replace(target=wide)
    torch.testing.assert_close(TASK.supervised(student, longer), TASK.supervised(student, batch))
    padded = [Outputs(F.pad(x.logits, (0, 0, 0, 3), value=9.0)) for x in (student, teacher)]
    for a, b in zip(TASK.rows(*padded, longer), TASK.rows(student, teacher, batch), strict=True):
        assert a is None or torch.equal(a, b)


def test_rows_are_the_tokens_that_count() -> None:
    student, teacher, batch = some()
    rows = TASK.rows(student, teacher, batch)
    counts = batch.target >= 0
    assert torch.equal(rows.labels, batch.target[counts])
    assert torch.equal(rows.student, student.logits[counts])
    assert torch.equal(rows.teacher, teacher.logits[counts])
    assert rows.of is not None
    assert torch.equal(rows.of, counts.nonzero()[:, 0])


def test_texts_that_are_cut_differently_are_refused() -> None:
    student, _, batch = some()
    other = Outputs(torch.randn(3, 9, 7))
    with pytest.raises(ValueError, match="they cut texts differently"):
        TASK.rows(student, other, batch)


def test_metrics_are_means_over_all_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kdrun.task.next_tokens.PART", 4)
    student, teacher, batch = some()
    tally = TASK.tally()
    for part in (slice(0, 1), slice(1, 3)):
        own = Batch({}, batch.target[part], batch.index[part])
        tally.add(Outputs(student.logits[part]), Outputs(teacher.logits[part]), own)
    metrics = tally.scores().metrics
    counts = batch.target >= 0
    q, p = (x.logits[counts].log_softmax(1) for x in (student, teacher))
    labels = batch.target[counts]
    nll = F.nll_loss(q, labels)
    assert metrics["nll"] == pytest.approx(float(nll), rel=1e-6)
    assert metrics["perplexity"] == pytest.approx(math.exp(nll), rel=1e-6)
    assert metrics["accuracy"] == pytest.approx(float((q.argmax(1) == labels).float().mean()))
    assert metrics["agreement"] == pytest.approx(float((q.argmax(1) == p.argmax(1)).float().mean()))
    kl = (p.exp() * (p - q)).sum(1).mean()
    assert metrics["kl_to_teacher"] == pytest.approx(float(kl), rel=1e-6)
    told = math.exp(F.nll_loss(p, labels))
    assert metrics["teacher_perplexity"] == pytest.approx(told, rel=1e-6)
    assert PART > 4


@pytest.mark.parametrize("logits", [torch.zeros(2, 7), torch.zeros(2, 5, 8), None])
def test_another_form_is_refused(logits: object) -> None:
    with pytest.raises(ValueError, match=r"needed is \(2, L, 7\).*gpt2"):
        TASK.check(logits, {"input_ids": (5,)})


def test_targets_of_another_form_are_refused() -> None:
    TASK.accept(torch.zeros(2, 4, dtype=torch.long))
    for wrong in (torch.zeros(2, dtype=torch.long), torch.zeros(2, 4)):
        with pytest.raises(ValueError, match="dataset=lines"):
            TASK.accept(wrong)


def test_an_older_file_that_does_not_say_where_texts_end_is_told() -> None:
    with pytest.raises(ValueError, match="of an older kdrun"):
        TASK.columns()
    told = Generation(vocabulary=7, end=0).reading({"tokenizer": "{}"})
    assert told.columns() == ["completion"]
    assert "tokenizer" not in told.described


def test_batches_of_unlike_numbers_of_tokens_make_the_step_of_one_batch() -> None:
    student, teacher, batch = some((9, 2, 5, 3))
    logits = student.logits.requires_grad_()
    objective = Objective({"ce": CE(), "kd": KD(1.0)}, {"ce": Weight(1.0), "kd": Weight(1.0)}, TASK)

    def losses(part: slice) -> dict[str, Tensor]:
        own = Batch({}, batch.target[part], batch.index[part])
        found: dict[str, Tensor] = objective(
            Outputs(logits[part]), Outputs(teacher.logits[part]), own
        )
        return found

    (whole,) = torch.autograd.grad(torch.stack([*losses(slice(0, 4)).values()]).sum(), logits)
    parts = [slice(0, 1), slice(1, 4)]
    batches = [Batch({}, batch.target[part], batch.index[part]) for part in parts]
    shares = Shares(Supervised(torch.nn.Identity(), objective), batches, complete=True)
    total = torch.zeros(())
    for place, part in enumerate(parts):
        told = losses(part)
        total = total + shares.of(place, told, torch.stack([*told.values()]).sum())
    (found,) = torch.autograd.grad(total, logits)
    torch.testing.assert_close(found, whole)
