"""Whose classes are whose: by name, by position, or refused with both lists."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from kdrun.teacher.base import Teacher
from kdrun.teacher.classes import (
    FLOOR,
    UNKNOWN,
    ByName,
    few,
    log_probabilities,
    name_classes,
    require_all,
)
from kdrun.types import Batch, Outputs

PETS = ["cat", "dog", "owl"]


class Says(Teacher):
    """Answers with its logits, whatever it is asked."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits, self.fields = logits, [""]

    def keep(self, fields: object) -> None:
        self.fields = [*fields]  # type: ignore[misc]

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(self.logits, embedding=self.logits)


BATCH = Batch(torch.zeros(2, 1), torch.zeros(2), torch.arange(2))


@pytest.mark.parametrize(
    ("own", "wanted", "called"),
    [
        (3, PETS, PETS),
        (["owl", "cat"], PETS, ["owl", "cat"]),
        (["cat", "newt"], PETS, ["cat", "newt"]),  # what only it knows keeps its name
        ([2, 0], PETS, ["owl", "cat"]),  # positions
        (["3.0", "07"], ["3", "7"], ["3", "7"]),  # names of the data, spelled otherwise
        ([1, 2], ["1", "2"], ["1", "2"]),  # the data count so too
        (["0", "1"], ["1", "0"], ["0", "1"]),
    ],
)
def test_what_the_classes_of_a_teacher_are_called(
    own: list[object] | int, wanted: list[str], called: list[str]
) -> None:
    assert name_classes(own, wanted) == called


@pytest.mark.parametrize(
    ("own", "wanted", "told"),
    [
        (4, PETS, "knows 4 classes without names, but the dataset has 3 classes (cat, dog, owl)"),
        (["van"], PETS, "knows 1 classes (van), but the dataset has 3"),
        ([1, 2, 3], PETS, "numbers of classes begin at 0"),
        (
            ["1", "2"],
            ["0", "1"],
            "counts its 2 classes from 1 (1 to 2), and the data from 0 (0 to 1)",
        ),
    ],
)
def test_who_cannot_be_told_apart_is_refused(
    own: list[object] | int, wanted: list[str], told: str
) -> None:
    with pytest.raises(ValueError, match="teacher") as error:
        name_classes(own, wanted)
    assert told in str(error.value)


@pytest.mark.parametrize("tail", [(), (2, 2)])
def test_logits_come_in_the_order_of_the_data(tail: tuple[int, ...]) -> None:
    said = torch.randn(2, 3, *tail, generator=torch.Generator().manual_seed(0))
    got = ByName(Says(said), ["owl", "newt", "cat"], PETS)(BATCH)
    assert got.logits.shape == said.shape
    assert torch.equal(got.logits[:, 0], said[:, 2])
    assert (got.logits[:, 1] == UNKNOWN).all()
    assert torch.equal(got.logits[:, 2], said[:, 0])
    assert torch.equal(got.embedding, said)  # of which nothing has a name


def test_probabilities_are_those_given_that_the_class_is_of_the_data() -> None:
    said = torch.tensor([[2.0, 1.0, 0.5], [0.0, 3.0, 1.0]])
    p = said.softmax(1)
    got = ByName(Says(said), ["owl", "newt", "cat"], PETS)(BATCH).logits.softmax(1)
    rest = 1 - p[:, 1]
    expected = torch.stack([p[:, 2] / rest, torch.zeros(2), p[:, 0] / rest], dim=1)
    torch.testing.assert_close(got, expected)


def test_what_is_kept_is_kept_by_the_teacher() -> None:
    own = Says(torch.zeros(2, 3))
    ByName(own, PETS, PETS).keep(["embedding"])
    assert own.fields == ["embedding"]
    ByName(nn.Identity(), PETS, PETS).keep(["embedding"])


def test_without_one_class_in_common_there_is_no_teacher() -> None:
    with pytest.raises(ValueError, match=r"knows 1 classes \(van\), but the dataset has 3"):
        ByName(Says(torch.zeros(2, 1)), ["van"], PETS)


@pytest.mark.parametrize("tail", [(), (2,)])
def test_a_class_that_no_sample_was_given_a_logit_of_is_unknown(tail: tuple[int, ...]) -> None:
    logits = torch.zeros(2, 3, *tail)
    require_all(logits, PETS)
    logits[0, 1] = UNKNOWN  # one sample alone may be so
    require_all(logits, PETS)
    logits[1, 1] = UNKNOWN
    with pytest.raises(ValueError, match=r"knows 2 classes \(cat, owl\), .*teacher=ensemble"):
        require_all(logits, PETS)


def test_logits_of_probabilities_give_them_back_and_are_finite() -> None:
    p = torch.tensor([[0.7, 0.3, 0.0]], dtype=torch.float64)
    logits = log_probabilities(p)
    assert logits.dtype == torch.float32
    assert logits[0, 2] == pytest.approx(math.log(FLOOR))
    torch.testing.assert_close(logits.softmax(1), p.float(), atol=2e-6, rtol=0)


def test_of_many_classes_ten_are_told() -> None:
    assert few(["a", "b"]) == "2 classes (a, b)"
    assert few([str(n) for n in range(11)]).endswith("8, 9, ...)")
