"""Low-rank adapters: large matrices stay as they are, and small ones beside them learn."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from kdrun.config.nearest import nearest
from kdrun.model.features import Network, Student
from kdrun.results.table import Row
from kdrun.transfer import Measure, Source, Strategy
from kdrun.transfer.start import Head, carry_over
from kdrun.types import Loader

log = logging.getLogger(__name__)

TRANSPOSED = ("Conv1D",)
"""Classes of transformers whose matrices have their inputs first."""


class LowRank(nn.Module):
    """What is added to a matrix: W + α / r · B A, with A drawn and B zero in the beginning.

    Args:
        weight: W, (outputs, inputs).
        rank: r.
        alpha: α.
        generator: draws A.
        transposed: whether W is (inputs, outputs).
    """

    def __init__(
        self, weight: Tensor, rank: int, alpha: float, generator: torch.Generator, transposed: bool
    ) -> None:
        super().__init__()
        rows, columns = weight.shape
        inputs = rows if transposed else columns
        drawn = torch.empty(rank, inputs).uniform_(-1, 1, generator=generator) / math.sqrt(inputs)
        zero = torch.zeros(rows if not transposed else columns, rank)
        self.a = nn.Parameter(drawn.to(weight))
        self.b = nn.Parameter(zero.to(weight))
        self.scale, self.transposed = alpha / rank, transposed

    def forward(self, weight: Tensor) -> Tensor:
        """The matrix with what was learnt."""
        change = self.scale * (self.b @ self.a)
        return weight + (change.T if self.transposed else change)


class LoRA(Strategy):
    """Keep the weights, and train for each matrix the product of two small ones beside it.

        W x  becomes  W x + α / r · B A x,  A (r × inputs) drawn, B (outputs × r) zero

    Hu et al., 2022. https://arxiv.org/abs/2106.09685

    Only A and B learn, and a classifier, which is new. At the end they are added to W, so that a
    student is as large and as fast as before, and says the same. The paper's dropout of x is not
    there. A student begins with the source's weights where data have two domains, else with its
    own: `student.checkpoint` or `student.model.pretrained=true`.

    Args:
        rank: r.
        alpha: α.
        targets: ends of the names of the layers that get adapters, such as `q_proj`; None: every
            linear layer but the classifier.
        head: `keep` the classifier's weights for classes that both domains name alike, or `reset`
            it.
        train_head: whether the classifier is trained as a whole; None: where it tells classes or a
            value, not tokens.
        seed: of the run, which A is drawn by.
    """

    def __init__(
        self,
        rank: int = 8,
        alpha: float = 16.0,
        targets: Sequence[str] | None = None,
        head: Head = "keep",
        train_head: bool | None = None,
        seed: int = 0,
    ) -> None:
        if rank < 1:
            raise ValueError(f"transfer.rank={rank}: give 1 or more.")
        if not alpha > 0:
            raise ValueError(f"transfer.alpha={alpha}: give more than 0.")
        self.rank, self.alpha, self.head = rank, alpha, head
        self.targets, self.train_head, self.seed = targets, train_head, seed

    def check(self, student: Network) -> None:
        """Refuse a student without such layers."""
        self._layers(student)

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The student with adapters, which are all that learns; see `Strategy`."""
        report = {} if source is None else carry_over(student, source, self.head)
        chosen = self._layers(student)
        whole = sum(p.numel() for p in student.parameters())
        student.requires_grad_(False)
        if student.head and self._trains_head:
            student.net.get_submodule(student.head).requires_grad_(True)
        generator = torch.Generator().manual_seed(self.seed)
        for module in chosen.values():
            weight = module.weight
            assert isinstance(weight, Tensor)
            turned = type(module).__name__ in TRANSPOSED
            own = LowRank(weight.detach(), self.rank, self.alpha, generator, turned)
            parametrize.register_parametrization(module, "weight", own)
        trained = sum(p.numel() for p in student.parameters() if p.requires_grad)
        log.info("%d adapters: %d numbers learn beside %d", len(chosen), trained, whole)
        self.report = {**report, "adapters": len(chosen), "trained": trained, "numbers": whole}
        return student

    @property
    def _trains_head(self) -> bool:
        if self.train_head is not None:
            return self.train_head
        return self.task is None or self.task.classifies or self.task.width == 1

    def _layers(self, student: Network) -> dict[str, nn.Module]:
        """The layers that get adapters, by name.

        Raises:
            ValueError: there are none.
        """
        linear = {
            name: module
            for name, module in student.net.named_modules()
            if isinstance(module, nn.Linear) or type(module).__name__ in TRANSPOSED
        }
        found = {name: module for name, module in linear.items() if name != student.head}
        if self.targets is not None:
            ends = sorted({name.rpartition(".")[2] for name in found})
            for target in self.targets:
                if not any(_ends(name, target) for name in found):
                    raise ValueError(
                        f"transfer.targets={target} ends no name of a linear layer of "
                        f"{type(student.net).__name__}; {nearest(target, ends)}"
                    )
            wanted = self.targets
            found = {n: m for n, m in found.items() if any(_ends(n, end) for end in wanted)}
        if not found:
            raise ValueError(
                f"{type(student.net).__name__} has no linear layer beside its classifier, and "
                "adapters are for these: choose fine_tune"
            )
        return found

    def finish(self, student: Student, measure: Measure) -> list[Row]:
        """Add what was learnt to the matrices."""
        merge(student)
        return []


def merge(student: nn.Module) -> None:
    """Add adapters to the matrices that they are beside; what the network says stays."""
    for module in list(student.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    student.requires_grad_(True)


def _ends(name: str, end: str) -> bool:
    return name == end or name.endswith(f".{end}")
