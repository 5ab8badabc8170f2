"""A file is held against its student on batches of several sizes, and every difference counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from kdrun.batch import Batch, Outputs
from kdrun.export.check import BATCHES, TOLERANCE, largest_difference
from kdrun.export.differs import DiffersError
from kdrun.export.student import SAMPLES, Answering, Exported
from kdrun.types import Input


class Says(torch.nn.Module):
    """Answers with its input, a thousand times."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, batch: Batch) -> Outputs:
        x = batch.input["x"] if isinstance(batch.input, dict) else batch.input
        self.seen.append(len(x))
        return Outputs(1000 * x)


def exported(named: bool = False, real: bool = True) -> tuple[Exported, Says]:
    samples: Input = torch.rand(SAMPLES, 3, generator=torch.Generator().manual_seed(0))
    own = Says()
    given: Input = {"x": samples} if named else samples  # type: ignore[dict-item]
    return Exported(Answering(own), {}, given, real, {}), own


def answer(change: Callable[[Tensor], Tensor]) -> Callable[[Input], Tensor]:
    """The student's own answer, changed."""

    def found(given: Input) -> Tensor:
        return change(1000 * (given["x"] if isinstance(given, dict) else given))

    return found


@pytest.mark.parametrize("named", [False, True])
def test_batches_of_every_size_are_other_samples(named: bool) -> None:
    student, own = exported(named)
    told = largest_difference(student, answer(lambda x: x))
    assert own.seen == [*BATCHES]
    assert sum(BATCHES) == SAMPLES
    assert told.startswith("the largest difference from PyTorch is 0.0e+00, in answers up to ")
    assert told.endswith("on training samples in batches of 1, 3, 7")
    assert "samples of noise" in largest_difference(exported(real=False)[0], answer(lambda x: x))


def test_rounding_is_measured_by_the_largest_answer() -> None:
    student, _ = exported()
    assert "is 5.0e-02" in largest_difference(student, answer(lambda x: x + 0.05))
    with pytest.raises(DiffersError, match=r"is 2.0e-01.*; rounding explains .*nothing is written"):
        largest_difference(student, answer(lambda x: x + 0.2))
    assert 0.05 < TOLERANCE * 1000 <= 0.2


@pytest.mark.parametrize("size", BATCHES)
def test_a_batch_of_one_size_alone_may_be_wrong(size: int) -> None:
    student, _ = exported()

    def at(value: float) -> Callable[[Input], Tensor]:
        return answer(lambda x: x + (value if len(x) == size else 0.0))

    with pytest.raises(DiffersError, match="is 1.0e+00".replace("+", "[+]")):
        largest_difference(student, at(1.0))
    with pytest.raises(DiffersError, match="is nan"):
        largest_difference(student, at(torch.nan))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (lambda x: torch.full((len(x), 3), torch.nan), "is nan"),
        (lambda x: torch.zeros(len(x), 2), r"another shape: \(1, 2\) for \(1, 3\)"),
        (lambda x: x[99], "fails on 1 samples"),
    ],
)
def test_wrong_answers_are_told(found: Callable[[Input], Tensor], told: str) -> None:
    with pytest.raises(DiffersError, match=told):
        largest_difference(exported()[0], found)
