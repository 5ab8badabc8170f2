"""Stage 3 of 4: from what training begins with to a training: a method, and what steps it."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ChainedScheduler, LinearLR, LRScheduler

from kdrun.dataset.split import select
from kdrun.method import Method
from kdrun.run.parts import Parts
from kdrun.run.start import Start
from kdrun.score.evaluate import example
from kdrun.teacher.building import check
from kdrun.train import Training, average
from kdrun.train.rates import kernels
from kdrun.train.selection import SAMPLES, Selection
from kdrun.transfer.adaptation import bind


def assemble(parts: Parts, start: Start) -> Training:
    """A training that has not begun; its `method.student` is what the terms made of the student.

    Args:
        parts: of the run.
        start: what it begins with.

    Raises:
        ValueError: the teacher cannot say what a term of the objective reads.
    """
    # Again, so that adapters do not depend on whether others were trained just now.
    torch.manual_seed(parts.seed)
    method, settings = _method(parts, start), start.settings
    steps = -(-len(start.train) // settings.accumulate) * max(1, settings.epochs)
    optimizer, schedule = _optimizer(parts, _parameters(parts, method), steps)
    ema = average(method.student, settings.ema) if settings.ema else None
    return Training(method, optimizer, schedule, ema, parts.who)


def _method(parts: Parts, start: Start) -> Method:
    """Student, teacher and objective, the latter fitted to the outputs of both."""
    objective, strategy, student = parts.objective(), parts.strategy, start.student
    adaptation = strategy.adaptation if strategy is not None else None
    needs = objective.needs - {"logits"}
    if adaptation is not None:
        needs |= adaptation.needs - {"logits"}
    student.inner.keep(needs)
    said = taught = example(student, start.train)
    if parts.teacher is not None and parts.roles.teacher is not None:
        parts.teacher.keep(needs)
        taught = parts.teacher.example(start.train)
        check(parts.roles.teacher["name"], taught, objective, parts.data.classes)
        objective.meet(student.inner, parts.teacher)
    objective.build(said, taught, start.train.targets)
    student = objective.deploy(student)
    if adaptation is not None:
        adaptation.build(said, said, start.train.targets)
        bind(adaptation, student, parts.load(parts.data.train))
    method: Method = parts.method(
        student=student,
        teacher=parts.teacher,
        peers=parts.peers,
        objective=objective,
        strategy=strategy,
        seed=parts.seed,
    )
    return method.to(parts.device)


def _parameters(parts: Parts, method: Method) -> list[dict[str, Any]]:
    """What is trained, in groups where a strategy wants other rates for some of it."""
    trained = [p for p in method.parameters() if p.requires_grad]
    if parts.strategy is None:
        return [{"params": trained}]
    groups = parts.strategy.groups(method.student.inner, parts.optimizer.section["lr"])
    own = {id(p) for group in groups for p in group["params"]}
    rest = [p for p in trained if id(p) not in own]
    return [*groups, *([{"params": rest}] if rest else [])]


def _optimizer(
    parts: Parts, groups: list[dict[str, Any]], steps: int
) -> tuple[Optimizer, LRScheduler]:
    """The optimizer of some groups of parameters, and its schedule over so many steps."""
    chosen, schedule = parts.optimizer, parts.scheduler
    fused = kernels(chosen.target, chosen.section, parts.device)
    optimizer: Optimizer = chosen.having(**fused)(params=groups)
    if "max_lr" in schedule.section:  # one_cycle goes by it, not by the rates of the groups
        usual = schedule.section["max_lr"]
        schedule = schedule.having(max_lr=[group.get("lr", usual) for group in groups])
    scheduler: LRScheduler = schedule(optimizer=optimizer, total_steps=steps)
    if epochs := parts.settings.warmup_epochs:
        rise = LinearLR(optimizer, start_factor=1 / (epochs + 1), total_iters=epochs)
        scheduler = ChainedScheduler([scheduler, rise])
    return optimizer, scheduler


def selection(parts: Parts, training: Training) -> Selection | None:
    """What tells which epoch counts, where labels of the target may not.

    Args:
        parts: of the run.
        training: not begun.
    """
    strategy, data, load = parts.strategy, parts.data, parts.load
    if strategy is None or strategy.supervised or strategy.adaptation is None:
        return None
    assert data.source is not None
    some = torch.arange(0, len(data.train), -(-len(data.train) // SAMPLES))
    apart = None if data.source.val is None else load(load.of_source(data.source.val))
    student, target = training.method.student, load(select(data.train, some))
    return Selection(parts.rule, student, target, apart, data.task)
