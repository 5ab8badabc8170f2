"""From the parts of a run to what is trained: a method over them, and what steps it."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ChainedScheduler, LinearLR, LRScheduler

from kdrun.config.instantiate import locate, without
from kdrun.config.schema import Train
from kdrun.method import OWN, Method
from kdrun.model.features import inner
from kdrun.run.builder import Builder
from kdrun.score.evaluate import example
from kdrun.teacher.building import check
from kdrun.teacher.network import Frozen
from kdrun.train import Training, average
from kdrun.train.rates import kernels
from kdrun.transfer import Strategy
from kdrun.transfer.adaptation import bind
from kdrun.types import Loader


def assemble(
    builder: Builder,
    student: nn.Module,
    teacher: Frozen | None,
    strategy: Strategy | None,
    loader: Loader,
    settings: Train,
    who: str,
) -> Training:
    """A training that has not begun; its `method.student` is what the terms made of the student.

    Args:
        builder: of the run.
        student: after a transfer, if there is one.
        teacher: of the run.
        strategy: of the transfer.
        loader: training batches.
        settings: of the loop, as the strategy and the student want them.
        who: what is trained, for those who read along.

    Raises:
        ValueError: the teacher cannot say what a term of the objective reads.
    """
    method = _method(builder, student, teacher, strategy, loader)
    steps = -(-len(loader) // settings.accumulate) * max(1, settings.epochs)
    groups = _parameters(builder, method, strategy)
    optimizer, schedule = _optimizer(builder, groups, steps)
    ema = average(method.student, settings.ema) if settings.ema else None
    return Training(method, optimizer, schedule, ema, who)


def _method(
    builder: Builder,
    student: nn.Module,
    teacher: Frozen | None,
    strategy: Strategy | None,
    loader: Loader,
) -> Method:
    """Student, teacher and objective, the latter fitted to the outputs of both."""
    objective = builder.objective()
    adaptation = strategy.adaptation if strategy is not None else None
    needs = objective.needs - {"logits"}
    if adaptation is not None:
        needs |= adaptation.needs - {"logits"}
    inner(student).keep(needs)
    said = example(student, loader)
    taught = said
    role = builder.teacher_role()
    if teacher is not None and role is not None:
        teacher.keep(needs)
        taught = example(teacher, loader)
        check(role["name"], taught, objective, builder.data.classes)
    objective.build(said, taught, loader.targets)
    student = objective.deploy(student)
    if adaptation is not None:
        adaptation.build(said, said, loader.targets)
        bind(adaptation, student, builder.loader(builder.data.train))
    method: Method = builder.call(
        "method",
        without(builder.config["method"], *OWN),
        student=student,
        teacher=teacher,
        peers=builder.peers(),
        objective=objective,
        strategy=strategy,
    )
    return method.to(builder.device)


def _parameters(
    builder: Builder, method: Method, strategy: Strategy | None
) -> list[dict[str, Any]]:
    """What is trained, in groups where a strategy wants other rates for some of it."""
    trained = [p for p in method.parameters() if p.requires_grad]
    if strategy is None:
        return [{"params": trained}]
    groups = strategy.groups(inner(method.student), builder.config["optimizer"]["lr"])
    own = {id(p) for group in groups for p in group["params"]}
    rest = [p for p in trained if id(p) not in own]
    return [*groups, *([{"params": rest}] if rest else [])]


def _optimizer(
    builder: Builder, groups: list[dict[str, Any]], steps: int
) -> tuple[Optimizer, LRScheduler]:
    """The optimizer of some groups of parameters, and its schedule over so many steps."""
    chosen, plugins = builder.config["optimizer"], builder.config["plugins"]
    facts = kernels(locate(chosen["_target_"], "optimizer", plugins), chosen, builder.device)
    optimizer: Optimizer = builder.call("optimizer", chosen, params=groups, **facts)
    section = dict(builder.config["scheduler"])
    if "max_lr" in section:  # one_cycle goes by it, not by the rates of the groups
        section["max_lr"] = [group.get("lr", section["max_lr"]) for group in groups]
    schedule: LRScheduler = builder.call(
        "scheduler", section, optimizer=optimizer, total_steps=steps
    )
    if epochs := builder.settings.warmup_epochs:
        rise = LinearLR(optimizer, start_factor=1 / (epochs + 1), total_iters=epochs)
        schedule = ChainedScheduler([schedule, rise])
    return optimizer, schedule
