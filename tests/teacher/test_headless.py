"""Teachers without a classifier: what they know of features, from whatever classes they come."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from kdrun.dataset.loader import make_loader
from kdrun.loss.kd import KD
from kdrun.loss.members import EachMember
from kdrun.loss.pca_embedding import PCAEmbedding
from kdrun.loss.unic import UNIC
from kdrun.loss.weight import Weight
from kdrun.objective import Objective
from kdrun.teacher.building import check
from kdrun.teacher.classes import UNKNOWN
from kdrun.teacher.doubt import judge
from kdrun.teacher.ensemble import ensemble
from kdrun.teacher.headless import Headless
from kdrun.teacher.network import Frozen
from kdrun.types import Arrays, Batch, Dataset, Outputs

DRAW = torch.Generator().manual_seed(0)
SPLIT = Arrays(torch.randn(24, 3, generator=DRAW), torch.arange(24) % 2)
DATA = Dataset(SPLIT, None, SPLIT, ["a", "b"], (3,))
LOADER = make_loader(SPLIT, 24, seed=0, train=False)
BATCH = next(iter(LOADER.epoch(0)))


class Features(nn.Module):
    """An embedding of some width, and classes of its own."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(3, width), nn.Linear(width, classes)

    def forward(self, batch: Batch) -> Outputs:
        assert isinstance(batch.input, Tensor)
        embedding = self.inner(batch.input).relu()
        return Outputs(self.head(embedding), embedding)


def several(weights: object = "uniform", **others: nn.Module) -> Frozen:
    torch.manual_seed(0)
    members: dict[str, nn.Module] = {
        "one": Headless(Features(6, 7), 2),
        "two": Headless(Features(9, 4), 2),
        **others,
    }
    frozen = {name: Frozen(member) for name, member in members.items()}
    cpu = torch.device("cpu")
    return Frozen(ensemble(frozen, DATA, None, cpu, weights))  # type: ignore[arg-type]


def test_it_has_features_and_knows_no_class() -> None:
    network = Features(6, 7)
    said = Headless(network, 2)(BATCH)
    assert said.embedding is not None
    assert said.embedding.equal(network(BATCH).embedding)
    assert said.logits.shape == (24, 2)
    assert bool((said.logits == UNKNOWN).all())


def test_it_is_not_held_against_labels() -> None:
    teacher = Frozen(Headless(Features(6, 2), 2))
    assert teacher.on("test") is None
    assert several().on("test") is None
    made = SimpleNamespace(load=lambda part: make_loader(part, 8, seed=0, train=False))
    assert judge("t", teacher, DATA, None, made.load, foreign=True) == ({}, "")


@pytest.mark.parametrize("term", [PCAEmbedding(), UNIC()])
def test_several_teach_one_through_a_projection_each(term: PCAEmbedding | UNIC) -> None:
    teacher = several({"one": 0.25, "two": 0.75})
    student = Features(4, 2)
    objective = Objective({"own": term}, {"own": Weight(1.0)})
    objective.build(student(BATCH), teacher(BATCH), BATCH.target)
    objective.prepare(teacher, LOADER)
    each = objective.terms["own"]
    assert isinstance(each, EachMember)
    said, taught = student(BATCH), teacher(BATCH)
    found = objective(said, taught, BATCH)["own"]
    parts = [
        own(said, m, BATCH) for own, m in zip(each.terms.values(), taught.members, strict=True)
    ]
    torch.testing.assert_close(found, 0.25 * parts[0] + 0.75 * parts[1])
    found.backward()
    assert student.inner.weight.grad is not None
    assert all(parameter.grad is not None for parameter in each.parameters())


def test_one_with_classes_beside_them_answers_alone() -> None:
    knows = Features(5, 2)
    said = several(three=knows)(BATCH).logits
    torch.testing.assert_close(said.softmax(1), knows(BATCH).logits.softmax(1))
    with pytest.raises(ValueError, match=r"weights=confidence .* one has no classifier"):
        several("confidence", three=knows)


def test_a_loss_that_reads_logits_is_refused() -> None:
    terms = {"kd": KD()}
    with pytest.raises(ValueError, match=r"loss\.terms\.kd reads logits, and teacher t has no"):
        check("t", several()(BATCH), Objective(terms, {"kd": Weight(1.0)}), DATA.classes)
    check("t", several()(BATCH), Objective({"u": UNIC()}, {"u": Weight(1.0)}), DATA.classes)
