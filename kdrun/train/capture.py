"""A step that is recorded once and repeated: on a GPU, launching kernels one by one takes longest.

The whole step, the making of its batch included, reads and writes tensors that stay where they are;
what changes from step to step is written into some of them before. Recorded is a step of each kind:
of the same sizes, with the same terms, of the same parts in training. Batches of another size, such
as the last one of an epoch, are carried out as they come, by the same lines.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from kdrun.config.schema import Steps, Train
from kdrun.dataset.spot import Placed, Spot, is_placed
from kdrun.train.guard import DeviceGuard, skips
from kdrun.train.rates import Rates
from kdrun.train.slot import Slot
from kdrun.train.state import Training
from kdrun.train.step import Item, Step
from kdrun.types import Batch, Loader

log = logging.getLogger(__name__)

WARM = 3
"""So many steps in a row of one kind are carried out before the next of it is recorded."""

HOMES = ("kdrun", "torch", "torchvision", "timm")
"""Packages whose modules are known to compute the same when repeated as when called again."""

Names = list[tuple[str, ...]]


class Recorder(Protocol):
    """Records what a device is told to do."""

    def warm(self, step: Callable[[], Names]) -> tuple[Names, str]:
        """Carry out a step where it would be recorded; and say why it cannot be, or nothing."""
        ...

    def record(self, step: Callable[[], Names]) -> tuple[Names, Callable[[], None]]:
        """Record a step while it is carried out, once; returns what repeats it."""
        ...


class Captured(Step):
    """A step over tensors that stay where they are, recorded where there is a recorder.

    Args:
        training: what is trained.
        loader: its batches, which can be made from their positions.
        settings: of the loop.
        recorder: None to carry out each step as it comes, which must come to the same.
    """

    def __init__(
        self, training: Training, loader: Placed, settings: Train, recorder: Recorder | None
    ) -> None:
        super().__init__(training, loader, settings)
        self.placed, self.recorder = loader, recorder
        if recorder is not None:
            self.guard = DeviceGuard(self.meter)
            self.rates = Rates(training.optimizer, loader.targets.device, always=True)
        self._slots: dict[tuple[Hashable, int], Slot] = {}
        self._recorded: dict[Hashable, tuple[Names, Callable[[], None]]] = {}
        self._modes: Hashable = None
        self._last: Hashable = None
        self._row = 0
        self._whole = True
        self._settings: list[dict[str, Any]] | None = None

    @property
    def kind(self) -> str:
        """As `Step.kind`; a step that turned out not to be recordable is an eager one."""
        return "captured" if self._recorded or self.placed.targets.device.type == "cpu" else "eager"

    def begin(self, epoch: int) -> None:
        """Start an epoch; what was recorded while other parts trained is forgotten."""
        super().begin(epoch)
        method = self.training.method
        modes = (
            tuple(p.requires_grad for p in method.parameters()),
            tuple(module.training for module in method.modules()),
        )
        if modes != self._modes:
            self._recorded.clear()
            self._modes, self._last = modes, None

    def items(self, epoch: int) -> Iterator[Item]:
        """Where the epoch's batches come from."""
        return self.placed.spots(epoch)

    def execute(self, items: Sequence[Item], moments: Sequence[float]) -> Names:
        """Write what changes, then repeat the step, record it, or carry it out."""
        method = self.training.method
        kind: list[Hashable] = []
        for place, (spot, moment) in enumerate(zip(items, moments, strict=True)):
            assert isinstance(spot, Spot)
            method.at(moment, self.settings.epochs)
            self._slot(spot, place).write(spot)
            kind.append((_sizes(spot), *(tuple(each.now) for each in method.objectives())))
        key = tuple(kind)
        self._is_whole()
        if key in self._recorded:
            names, repeat = self._recorded[key]
            repeat()
            return names

        def step() -> Names:
            part = self.carry_out if self._whole else self.gradients
            return part(items, moments)

        names = self._new(key, step)
        if not self._whole:
            self.follow_gradients()
        return names

    def _new(self, key: Hashable, step: Callable[[], Names]) -> Names:
        """Carry out a step that is not recorded yet, and perhaps record it."""
        if self.recorder is None:
            return step()
        self._row = self._row + 1 if key == self._last else 1
        self._last = key
        if self._row <= WARM:
            names, reason = self.recorder.warm(step)
            if reason and self._row == WARM:
                log.warning("steps of %s run eagerly: %s", self.training.who, reason)
                self.recorder = None
            return names
        names, repeat = self.recorder.record(step)
        self._recorded[key] = names, repeat if self._whole else self._halves(repeat)
        return names

    def _is_whole(self) -> None:
        """Leave the optimizer out of what is recorded once more than its learning rate changes.

        Such is the momentum under one_cycle: a number of the host's, which no tensor can stand for.
        """
        groups = self.training.optimizer.param_groups
        settings = [{k: v for k, v in g.items() if k not in ("params", "lr")} for g in groups]
        if self._whole and self._settings not in (None, settings):
            self._whole = False
            self._recorded.clear()
        self._settings = settings

    def _halves(self, repeat: Callable[[], None]) -> Callable[[], None]:
        """What repeats a step whose gradients alone were recorded."""
        own = [parameter.grad for parameter in self.trained]

        def both() -> None:
            repeat()
            for parameter, gradient in zip(self.trained, own, strict=True):
                parameter.grad = gradient
            self.follow_gradients()

        return both

    def draw(self, item: Item, place: int) -> Batch:
        """The batch that the slot of an item stands for."""
        assert isinstance(item, Spot)
        return self.placed.at(self._slot(item, place).spot)

    def tell(self, item: Item, place: int, moment: float) -> None:
        """Tell all of a moment, as the slot of an item has it."""
        assert isinstance(item, Spot)
        super().tell(item, place, moment)
        self._slot(item, place).bind()

    def gradients(self, items: Sequence[Item], moments: Sequence[float]) -> Names:
        """As `Step.gradients`."""
        try:
            return super().gradients(items, moments)
        finally:
            for slot in self._slots.values():
                slot.release()

    def _slot(self, spot: Spot, place: int) -> Slot:
        """The tensors for batches of one size at one place of a step."""
        key = (_sizes(spot), place)
        if key not in self._slots:
            self._slots[key] = Slot(spot, self.training.method.objectives())
        return self._slots[key]


class Graphs:
    """Records steps as CUDA graphs, which share their memory: only one is at work at a time.

    Args:
        device: of CUDA.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.side = torch.cuda.Stream(device)
        self.graphs: list[torch.cuda.CUDAGraph] = []

    def warm(self, step: Callable[[], Names]) -> tuple[Names, str]:
        """Carry out a step beside the main stream, and listen for questions to the device."""
        main = torch.cuda.current_stream(self.device)
        self.side.wait_stream(main)
        before = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings(record=True) as told, torch.cuda.stream(self.side):
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                names = step()
            finally:
                torch.cuda.set_sync_debug_mode(before)
        main.wait_stream(self.side)
        asked = [one for one in told if "synchronizing CUDA operation" in str(one.message)]
        where = f"{asked[0].filename}:{asked[0].lineno}" if asked else ""
        return names, f"it waits for the device, in {where}" if asked else ""

    def record(self, step: Callable[[], Names]) -> tuple[Names, Callable[[], None]]:
        """Record a step, and repeat it once: while it is recorded nothing is computed."""
        graph = torch.cuda.CUDAGraph()
        pool = self.graphs[0].pool() if self.graphs else None
        with torch.cuda.device(self.device), torch.cuda.graph(graph, pool=pool, stream=self.side):
            names = step()
        self.graphs.append(graph)
        graph.replay()
        return names, graph.replay


def choose(training: Training, loader: Loader, settings: Train) -> Step:
    """How the steps of a training are carried out; it is told in the log where asked for.

    Args:
        training: not yet begun, or loaded.
        loader: training batches.
        settings: of the loop.
    """
    device, wanted = loader.targets.device, settings.step
    if wanted is Steps.eager or (wanted is Steps.auto and device.type != "cuda"):
        return Step(training, loader, settings)
    reason = why_not(training, loader, trusted=wanted is Steps.captured)
    if reason or not is_placed(loader):
        log.info("steps of %s run eagerly: %s", training.who or "the student", reason)
        return Step(training, loader, settings)
    return Captured(training, loader, settings, Graphs(device) if device.type == "cuda" else None)


def why_not(training: Training, loader: Loader, trusted: bool = False) -> str:
    """Why a training's steps cannot be recorded; empty if they can.

    Args:
        training: whose method, losses and networks are asked.
        loader: its batches.
        trusted: whether parts from elsewhere that say nothing of it are taken.
    """
    if training.together is not None:
        return "several processes share each batch"
    if not is_placed(loader):
        return "samples are read from files, or are of different lengths"
    optimizer = training.optimizer
    if loader.targets.device.type == "cuda" and not skips(optimizer):
        return f"{type(optimizer).__name__} has no fused kernel"
    for module in training.method.modules():
        if reason := _against(module, trusted):
            return reason
    return ""


def _against(module: nn.Module, trusted: bool) -> str:
    """What a module has against it."""
    kind = type(module)
    said = getattr(module, "capturable", None)
    if isinstance(said, str):
        return f"{kind.__name__}: {said}"
    if said is False:
        return f"{kind.__name__} says that it cannot be recorded"
    at_home = kind.__module__.partition(".")[0] in HOMES
    own = "capturable" in vars(module) or any(
        "capturable" in vars(base)
        for base in kind.__mro__
        if base.__module__.partition(".")[0] not in HOMES
    )
    if at_home or own or trusted:
        return ""
    return f"{kind.__name__} does not say that it can be recorded (capturable = True)"


def _sizes(spot: Spot) -> tuple[int, ...]:
    return (len(spot.index), *(_sizes(spot.source) if spot.source is not None else ()))
