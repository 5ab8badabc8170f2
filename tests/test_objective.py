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
from kdrun.loss.kd import KD
from kdrun.loss.mse import MSE
from kdrun.loss.weight import Weight
from kdrun.objective import Objective, weighted
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
    objective.check(3)
    with pytest.raises(ValueError, match=r"loss\.terms\.kd: standardize=true"):
        objective.check(2)
