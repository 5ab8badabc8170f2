"""Unsupervised deep adaptation: terms over the outputs of two domains, on paired batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from kdrun.config.instantiate import nearest
from kdrun.loss import Loss, full
from kdrun.loss.weight import parse
from kdrun.model.features import Network, Student
from kdrun.objective import Objective, take
from kdrun.task.form import by_form
from kdrun.transfer import BatchNorm, Source, Strategy
from kdrun.transfer.start import carry_over
from kdrun.types import Batch, Input, Loader, Outputs


class Term(Loss):
    """A term that brings domains together: `term(source, target, batch) -> scalar`.

    It is a `Loss` whose two sides are the student's outputs for a batch of the source and for one
    of the target; `batch` is the target's, with the source's as `batch.source`. Labels of the
    target are never read. A term that wants more of the student than its outputs gets hold of it
    in `bind`.

    Attributes:
        paired: whether it reads the source's outputs; one that does not is source-free.
        minimises: scores of `kdrun.train.selection` that it optimises, so that none of them can
            tell whether it went well.
    """

    paired: bool = True
    minimises: ClassVar[tuple[str, ...]] = ()

    def bind(self, student: Student, loader: Loader) -> None:
        """Get hold of the student before it is trained.

        Args:
            student: from `Batch` to `Outputs`. Not to be registered as a part of the term.
            loader: training batches of the target, in order and as they are.
        """

    def begin_epoch(self) -> None:
        """Called before every epoch, by a resumed run too."""

    def after_step(self) -> None:
        """Called after every step of the optimizer."""

    @property
    def ramp(self) -> float:
        """λ(p) = 2 / (1 + exp(−10 p)) − 1 at the present progress p: from 0 to 1 (Ganin, 2016)."""
        return 2 / (1 + math.exp(-10 * self.progress)) - 1


class Pair(NamedTuple):
    """What a student says of both halves of a paired batch."""

    source: Outputs
    target: Outputs


def both(student: Student, batch: Batch, batch_norm: BatchNorm = "separate") -> Pair:
    """What a student says of the samples of both domains, in training.

    Args:
        student: from `Batch` to `Outputs`.
        batch: of the target, with one of the source beside it.
        batch_norm: `separate`: each domain is normalised by its own statistics, and those of the
            target alone are kept for evaluation; `joint`: one forward pass over both together.
    """
    beside = batch.source
    assert beside is not None
    norms = any(isinstance(module, _BatchNorm) for module in student.modules())
    if batch_norm == "separate" or not norms:  # without batch norm the two come to the same
        with _unmoved(student):
            source = student(beside)
        return Pair(source, student(batch._replace(source=None)))
    outputs: Outputs = student(
        Batch(
            _joined(beside.input, batch.input),
            batch.target,
            torch.cat([beside.index, batch.index]),
        )
    )
    rows = torch.arange(len(outputs.logits), device=outputs.logits.device)
    size = len(beside.target)
    return Pair(take(outputs, rows[:size]), take(outputs, rows[size:]))


@contextmanager
def _unmoved(student: Student) -> Iterator[None]:
    """Keep batch norm from remembering what it sees."""
    norms = [module for module in student.modules() if isinstance(module, _BatchNorm)]
    rates = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, rate in zip(norms, rates, strict=True):
            norm.momentum = rate


def _joined(source: Input, target: Input) -> Input:
    if isinstance(source, dict):
        assert isinstance(target, dict)
        return {key: torch.cat(_as_long(value, target[key])) for key, value in source.items()}
    assert isinstance(target, Tensor)
    joined = torch.cat([source, target])
    if target.ndim == 4 and target.is_contiguous(memory_format=torch.channels_last):
        joined = joined.contiguous(memory_format=torch.channels_last)
    return joined


def _as_long(*tokens: Tensor) -> list[Tensor]:
    """Tokens, or their masks, with padding up to the longest; rows of numbers are as long."""
    longest = max(each.shape[1] for each in tokens)
    return [F.pad(each, (0, longest - each.shape[1])) for each in tokens]


def embeddings(source: Outputs, target: Outputs) -> tuple[Tensor, Tensor]:
    """The (N, D) and (M, D) embeddings of both sides, in full precision."""
    assert source.embedding is not None
    assert target.embedding is not None
    return full(source.embedding).flatten(1), full(target.embedding).flatten(1)


class Adapt(Strategy):
    """Begin with the source's model; train on the source's labels and on terms between domains.

        L = CE(f(x_s), y_s) + Σᵢ wᵢ Rᵢ(f(x_s), f(x_t))

    Several are composed by a list, `transfer=[dann,mcc]`. No label of the target is read. If no
    term is `paired`, no sample of the source is needed either.

    Args:
        terms: by name.
        weights: by the same names, as in a loss.
        batch_norm: of paired batches, see `both`. In trials on digits, `separate` gave dann and its
            like 6 to 15 points more than `joint`, and mcc 4 less to 1 more.
        freeze_head: train what is below the classifier only, as source-free adaptation does.
    """

    supervised = False

    def __init__(
        self,
        terms: Mapping[str, Term],
        weights: Mapping[str, Any],
        batch_norm: BatchNorm = "separate",
        freeze_head: bool = False,
    ) -> None:
        if batch_norm not in (known := get_args(BatchNorm)):
            raise ValueError(
                f"batch_norm={batch_norm} does not exist; {nearest(batch_norm, known)}"
            )
        self.batch_norm: BatchNorm = batch_norm
        factors = {name: parse(weight) for name, weight in weights.items()}
        self.adaptation = Objective(terms, factors)
        self.paired = any(terms[name].paired for name in factors)
        self.freeze_head = freeze_head

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The source's model; see `Strategy`.

        Raises:
            ValueError: there is no source, or it shares no class with the target.
        """
        if source is None:
            raise ValueError("adaptation is between two domains: set dataset.source.")
        if not by_form(loader.targets).classifies:
            raise ValueError("these terms adapt a classifier, and these targets are values.")
        if not bool((source.to_target >= 0).any()):
            raise ValueError(
                "source and target share no class by name: set dataset.source to one that does."
            )
        self.report = carry_over(student, source, head="keep")
        if self.freeze_head and student.head:
            student.net.get_submodule(student.head).requires_grad_(False)
        return student


def bind(adaptation: Objective, student: Student, loader: Loader) -> None:
    """Let every term get hold of the student: `Term.bind`."""
    for term in terms_of(adaptation):
        term.bind(student, loader)


def terms_of(adaptation: Objective | None) -> list[Term]:
    """The terms of an adaptation; none where there is none."""
    losses = adaptation.losses().values() if adaptation is not None else ()
    return [term for term in losses if isinstance(term, Term)]
