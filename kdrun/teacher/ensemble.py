"""Several teachers that answer as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from kdrun.teacher.base import Teacher
from kdrun.teacher.classes import UNKNOWN
from kdrun.teacher.headless import Headless
from kdrun.teacher.network import Frozen
from kdrun.types import Batch, Dataset, Loader, Outputs

LEAST = 1e-12
"""A probability that is kept from zero, so that its logarithm is finite."""


class Ensemble(Teacher):
    """The weighted mean of what several teachers say: f(x) = Σ αᵢ gᵢ(x), αᵢ ≥ 0, Σ αᵢ = 1.

    Of each class, the mean is over those who know it. The members' own outputs go along, for
    losses between stages, whose adapters are for one member each.

    Args:
        members: by name.
        shares: (M,) α; None where a rule sets them for each sample.
        rule: `confidence` or `agreement` where `shares` are None.
        average: what is averaged, `probabilities` or `logits`.
    """

    capturable = "which classes its members know is asked of the device"

    shares: Tensor | None
    given: Tensor

    def __init__(
        self, members: Mapping[str, Frozen], shares: Tensor | None, rule: str, average: str
    ) -> None:
        super().__init__()
        self.members = nn.ModuleDict(members)
        self.rule, self.average = rule, average
        self.register_buffer("shares", shares, persistent=False)
        # How much weight each was given in all, to tell afterwards.
        self.register_buffer("given", torch.zeros(len(members)), persistent=False)

    def keep(self, fields: Iterable[str]) -> None:
        """Let each member fill these fields, if it can; one must.

        Raises:
            ValueError: no member can.
        """
        fields, refusals = list(fields), []
        for member in self._teachers():
            try:
                member.keep(fields)
            except ValueError as error:
                refusals.append(error)
        if refusals and len(refusals) == len(self.members):
            raise refusals[0]

    def on(self, split: str) -> Ensemble | None:
        """The same for another split; None if a member has no answers there."""
        others = {n: m.on(split) for n, m in zip(self.members, self._teachers(), strict=True)}
        answering = {name: member for name, member in others.items() if member is not None}
        if len(answering) < len(others):
            return None
        if self.live:
            return self
        return Ensemble(answering, self.shares, self.rule, self.average).to(self.given.device)

    @property
    def live(self) -> bool:
        """Whether all its members are."""
        return all(member.live for member in self._teachers())

    @property
    def size(self) -> int | None:
        """How many numbers its members learnt; None where that is not known of one."""
        sizes = [member.size for member in self._teachers()]
        return None if None in sizes else sum(filter(None, sizes))

    def facts(self) -> dict[str, float]:
        """The weight of each member, on average over what it was asked."""
        mean = (self.given / self.given.sum().clamp(min=LEAST)).tolist()
        return {f"alpha_{name}": share for name, share in zip(self.members, mean, strict=True)}

    def forward(self, batch: Batch) -> Outputs:
        """The combined logits, and each member's outputs with its α as their weight."""
        said = [member(batch) for member in self._teachers()]
        logits = torch.stack([outputs.logits for outputs in said])
        weights = self._weights(logits)
        total = None
        if any(outputs.weight is not None for outputs in said):
            counts = [torch.ones(len(o.logits)) if o.weight is None else o.weight for o in said]
            weights = weights * torch.stack([count.to(weights) for count in counts], dim=1)
            total = weights.sum(1)
            weights = weights / total[:, None].clamp(min=LEAST)
        self.given += weights.sum(0)
        members = [o._replace(weight=weights[:, i]) for i, o in enumerate(said)]
        return Outputs(combine(logits, weights, self.average), weight=total, members=tuple(members))

    def _weights(self, logits: Tensor) -> Tensor:
        """(N, M) α for (M, N, C) logits."""
        if self.shares is not None:
            return self.shares.expand(logits.shape[1], -1)
        return RULES[self.rule](logits.softmax(dim=2))

    def _teachers(self) -> list[Frozen]:
        return [member for member in self.members.values() if isinstance(member, Frozen)]


def confidence(probabilities: Tensor) -> Tensor:
    """(N, M) α for (M, N, C): who hesitates between fewer classes counts more, αᵢ ∝ exp(−H(gᵢ))."""
    certainty = (-torch.special.entr(probabilities).sum(dim=2)).exp()
    shares: Tensor = certainty / certainty.sum(dim=0)
    return shares.T


def agreement(probabilities: Tensor) -> Tensor:
    """(N, M) α for (M, N, C): who says what the others say counts more, αᵢ ∝ Σⱼ≠ᵢ ⟨gᵢ, gⱼ⟩."""
    overlap = torch.einsum("inc,jnc->nij", probabilities, probabilities)
    shared = overlap.sum(2) - overlap.diagonal(dim1=1, dim2=2) + LEAST
    return shared / shared.sum(dim=1, keepdim=True)


RULES: dict[str, Callable[[Tensor], Tensor]] = {"confidence": confidence, "agreement": agreement}


def combine(logits: Tensor, weights: Tensor, average: str) -> Tensor:
    """(N, C) logits of the weighted mean over members, of each class over those who know it.

    Args:
        logits: (M, N, C); a class that a member does not know is `UNKNOWN`.
        weights: (N, M) α.
        average: `probabilities`, or `logits`: a geometric mean. Of members that know different
            classes, whose logits have no common zero, log-probabilities stand in for logits. The
            single value of a regression is averaged as it is.

    Returns:
        A class that no member knows is `UNKNOWN`.
    """
    known = logits != UNKNOWN
    counted = weights.T[:, :, None] * known
    total = counted.sum(dim=0)
    if average == "probabilities" and logits.shape[2] > 1:
        said = logits.softmax(dim=2).masked_fill(~known, 0.0)  # of who knows none, it is no number
        mean = (counted * said).sum(dim=0) / total.clamp(min=LEAST)
        mean = (mean / mean.sum(dim=1, keepdim=True)).clamp(min=LEAST).log()
    else:
        if not known.all():
            logits = logits.log_softmax(dim=2).masked_fill(~known, 0.0)
        mean = (counted * logits).sum(dim=0) / total.clamp(min=LEAST)
        mean = mean.masked_fill(total == 0, math.log(LEAST))
    return mean.masked_fill(~known.any(dim=0), UNKNOWN)


def learn(logits: Tensor, targets: Tensor, average: str) -> Tensor:
    """(M,) α with the smallest negative log-likelihood of labels: a convex problem in α.

    Args:
        logits: (M, N, C) of the members.
        targets: (N,) classes; samples labelled -1 are left out.
        average: as for `combine`.
    """
    from scipy.optimize import minimize

    labelled = targets >= 0
    logits, targets = logits[:, labelled].double(), targets[labelled]

    def cost(point: list[float]) -> tuple[float, list[float]]:
        shares = torch.tensor(point, dtype=torch.float64, requires_grad=True)
        weights = shares.expand(len(targets), -1)
        said = combine(logits, weights, average).clamp(min=math.log(LEAST))
        loss = nn.functional.cross_entropy(said, targets)
        (slope,) = torch.autograd.grad(loss, shares)
        return loss.item(), slope.tolist()

    count = len(logits)
    found = minimize(
        cost,
        [1 / count] * count,
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda point: sum(point) - 1},
    )
    shares = torch.tensor(found.x).clamp(min=0)
    return (shares / shares.sum()).float()


@torch.no_grad()
def _ask(members: Mapping[str, Frozen], loader: Loader) -> Tensor:
    """(M, N, C) logits about the validation samples."""
    answering = {name: member.on("val") for name, member in members.items()}
    for name, member in answering.items():
        if member is None:
            raise ValueError(f"weights=learned: member {name} says nothing of validation samples")
    batches = [
        torch.stack([member(batch).logits for member in answering.values() if member])
        for batch in loader.epoch(0)
    ]
    return torch.cat(batches, dim=1).cpu()


def check_weights(weights: object, names: Iterable[str]) -> None:
    """Refuse fixed weights that are no convex combination of the members.

    Raises:
        ValueError: they are of others than the members, negative, or do not sum to one.
    """
    if not isinstance(weights, Mapping):
        return
    if set(weights) != set(names):
        raise ValueError(f"weights are of {', '.join(weights)}; members are {', '.join(names)}")
    if wrong := [f"{name} has {value}" for name, value in weights.items() if not value >= 0]:
        raise ValueError(f"weights must not be negative, and {', '.join(wrong)}")
    if abs(sum(weights.values()) - 1) > 1e-6:
        raise ValueError(f"weights must sum to one, not {sum(weights.values()):.6g}")


def _need_classifiers(weights: str, members: Mapping[str, Frozen]) -> None:
    """Refuse a rule that reads what members say of classes where one has nothing to say."""
    silent = [name for name, member in members.items() if isinstance(member.network, Headless)]
    if silent:
        raise ValueError(
            f"weights={weights} reads what members say of classes, and {silent[0]} has no "
            "classifier (head=none): take uniform, or a number for each"
        )


def ensemble(
    members: Mapping[str, Frozen],
    data: Dataset,
    val_loader: Loader | None,
    device: torch.device,
    weights: Literal["uniform", "learned", "confidence", "agreement"]
    | dict[str, float] = "uniform",
    average: Literal["probabilities", "logits"] = "probabilities",
) -> Ensemble:
    """An ensemble of teachers, with the weights that a rule gives them.

    Args:
        members: teachers by name.
        data: whose classes they know together.
        val_loader: of validation samples, which learned weights are fitted to.
        device: where the weights are used.
        weights: α by name, `uniform`, or `learned`: those with the best likelihood on the
            validation data. `confidence` and `agreement` weigh each sample anew; two members
            always agree alike.
        average: whether probabilities or logits are averaged.

    Raises:
        ValueError: the weights are none, or there is nothing to learn them from.
    """
    check_weights(weights, members)
    if isinstance(weights, Mapping):
        shares = torch.tensor([float(weights[name]) for name in members])
    elif weights in RULES:
        _need_classifiers(weights, members)
        shares = None
    elif weights == "uniform":
        shares = torch.full((len(members),), 1 / len(members))
    else:
        if val_loader is None or not data.task.named:
            wanted = "dataset.val_fraction above 0" if data.task.named else "classes"
            raise ValueError(f"weights=learned needs validation data with labels: {wanted}")
        shares = learn(_ask(members, val_loader), val_loader.targets.cpu(), average)
    return Ensemble(members, shares, str(weights), average).to(device)
