"""Terms over samples whose teacher's answers do not count alike."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kdrun.loss import Loss
from kdrun.loss.ce import CE
from kdrun.loss.dkd import DKD
from kdrun.loss.fitnets import FitNets
from kdrun.loss.kd import KD
from kdrun.loss.mse import MSE
from kdrun.loss.weight import Weight
from kdrun.objective import Objective, weighted
from kdrun.task import Rows, Task
from kdrun.task.classification import Classification
from kdrun.types import Batch, Outputs

LOGITS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
SAID = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
BATCH = Batch(torch.zeros(6, 2), torch.tensor([0, 1, 2, 3, 0, 1]), torch.arange(6))


def one(loss: Loss, i: int) -> Tensor:
    rows = slice(i, i + 1)
    batch = Batch(BATCH.input[rows], BATCH.target[rows], BATCH.index[rows])
    return loss(Outputs(LOGITS[rows]), Outputs(SAID[rows]), batch)


@pytest.mark.parametrize("loss", [KD(), DKD(), MSE()])
@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.3, 1.0, 2.5]), min_size=6, max_size=6))
def test_the_value_is_the_weighted_mean_over_samples(loss: Loss, weights: list[float]) -> None:
    teacher = Outputs(SAID, weight=torch.tensor(weights))
    expected = sum(w * one(loss, i) for i, w in enumerate(weights)) / 6
    torch.testing.assert_close(
        weighted(loss, Outputs(LOGITS), teacher, BATCH), torch.as_tensor(expected)
    )


def test_labels_count_whatever_the_teacher_says() -> None:
    objective = Objective({"ce": CE(), "kd": KD()}, {"ce": Weight(1.0), "kd": Weight(1.0)})
    silent = Outputs(torch.full((6, 4), float("nan")), weight=torch.zeros(6))
    losses = objective(Outputs(LOGITS.requires_grad_()), silent, BATCH)
    assert losses["ce"].item() == pytest.approx(CE()(Outputs(LOGITS), silent, BATCH).item())
    assert losses["kd"].item() == 0.0
    sum(losses.values()).backward()


def test_a_term_counts_from_the_foot_of_its_warm_up_and_only_in_its_time() -> None:
    weights = {"ce": Weight(1.0, start=2), "kd": Weight(3.0, warmup=2, until=3)}
    objective = Objective({"ce": CE(), "kd": KD()}, weights)
    told = {}
    for epoch in range(4):
        objective.at(epoch, 4)
        told[epoch] = set(objective(Outputs(LOGITS), Outputs(SAID), BATCH))
    assert told == {0: {"kd"}, 1: {"kd"}, 2: {"ce", "kd"}, 3: {"ce"}}


def test_an_epoch_in_which_nothing_counts_is_told() -> None:
    with pytest.raises(ValueError, match="in epoch 1 no term counts"):
        Objective({"ce": CE()}, {"ce": Weight(1.0, start=2)})


def test_by_labels_is_what_the_terms_without_a_teacher_say_at_their_weights() -> None:
    terms = {"ce": CE(label_smoothing=0.1), "kd": KD()}
    objective = Objective(terms, {"ce": Weight(0.3), "kd": Weight(0.7)})
    found = objective.by_labels(Outputs(LOGITS), BATCH)
    expected = 0.3 * F.cross_entropy(LOGITS, BATCH.target, label_smoothing=0.1)
    assert found.item() == pytest.approx(expected.item())
    without = BATCH._replace(target=torch.full((6,), -1))
    assert objective.by_labels(Outputs(LOGITS), without).item() == 0
    assert Objective(terms, {"kd": Weight(1.0)}).by_labels(Outputs(LOGITS), BATCH).item() == 0


def test_a_term_that_objects_to_the_classes_is_named() -> None:
    objective = Objective({"kd": KD(standardize=True)}, {"kd": Weight(1.0)})
    objective.check(Classification(("a", "b", "c")))
    with pytest.raises(ValueError, match=r"loss\.terms\.kd: standardize=true"):
        objective.check(Classification(("a", "b")))


class Halves(Task):
    """Two rows a sample: its logits are (N, C, 2), and its labels (N, 2)."""

    def rows(self, student: Outputs, teacher: Outputs, batch: Batch) -> Rows:
        def flat(logits: Tensor) -> Tensor:
            return logits.movedim(1, 2).flatten(0, 1)

        of = torch.arange(len(batch.target)).repeat_interleave(2)
        return Rows(flat(student.logits), flat(teacher.logits), batch.target.flatten(), None, of)


class Asks(Loss):
    """Notes what it is called with."""

    seen: tuple[Outputs, Outputs, Batch]

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        self.seen = (student, teacher, batch)
        return student.logits.sum()


class AsksAll(Asks):
    compares_rows = False


def test_terms_between_logits_get_the_rows_of_the_task() -> None:
    dense = Outputs(torch.arange(12.0).reshape(2, 3, 2))
    labels = torch.tensor([[0, 1], [2, -1]])
    batch = Batch(torch.zeros(2, 1), labels, torch.tensor([7, 9]))
    terms = {"rows": Asks(), "all": AsksAll()}
    Objective(terms, dict.fromkeys(terms, Weight(1.0)), Halves())(dense, dense, batch)
    student, teacher, own = terms["rows"].seen
    assert student.logits.tolist() == teacher.logits.tolist()
    assert student.logits[1].tolist() == dense.logits[0, :, 1].tolist()
    assert own.target.tolist() == [0, 1, 2, -1]
    assert own.index.tolist() == [7, 7, 9, 9]
    assert terms["all"].seen == (dense, dense, batch)


def test_rows_that_are_samples_are_not_touched() -> None:
    batch = Batch(torch.zeros(2, 1), torch.tensor([0, 1]), torch.arange(2))
    outputs, term = Outputs(torch.eye(2)), Asks()
    Objective({"x": term}, {"x": Weight(1.0)}, Classification(("a", "b")))(outputs, outputs, batch)
    assert all(a is b for a, b in zip(term.seen, (outputs, outputs, batch), strict=True))


class Boxes(Task):
    rowless = "boxes have no rows of logits: take loss=fitnets"


def test_a_task_without_rows_says_what_to_take_instead() -> None:
    with pytest.raises(ValueError, match=r"loss.terms.kd: boxes have no rows .* take loss=fitnets"):
        Objective({"kd": KD()}, {"kd": Weight(1.0)}).check(Boxes())
    Objective({"fitnets": FitNets(0)}, {"fitnets": Weight(1.0)}).check(Boxes())
