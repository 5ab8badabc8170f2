"""Any network as a function from `Batch` to `Outputs`, by hooks."""

from __future__ import annotations

import copy
import difflib
import inspect
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from kdrun.model.anatomy import Anatomy, examine, logits_of
from kdrun.model.readers import READERS, Hooks, Named, Reader
from kdrun.model.tokens import T, own, reads
from kdrun.teacher.base import Teacher
from kdrun.types import Batch, Input, Outputs


class Network(Teacher):
    """A network as it is, from `Batch` to `Outputs`; it normalises images for itself.

    Nothing is edited: hooks read what `keep` asks for, and are there only as long. Which
    activation ends a stage, and which tensors the network later overwrites in place, is learnt
    once, from one example in evaluation mode: by `examine`, or before the first batch. Parameters
    are those of the network, with the prefix `net.`.

    In `Outputs`, 2-D stages are (N, C, 1, 1); stages of a vision transformer are (N, L, D), its
    class token included. Of several tensors by name a network gets those that its `forward` names.

    Args:
        net: from an image (N, C, H, W), rows (N, D) or keyword tensors to logits (N, num_classes),
            or to an object with `logits`, as in transformers. It may have a `tokenizer`. One whose
            `forward` names `targets` gets them in training and gives its supervised term, `loss`;
            a detector gives its `heads`.
        stages: dotted names of the modules whose outputs are the features, shallow to deep.
        activations: of a stage that ends before its activation, the module that activates it; what
            enters there is the stage's preactivation.
        head: dotted name of the classifier, whose input is the embedding; without one, the last
            `nn.Linear` that the network registers.
        mean: per channel, subtracted from images; empty for none.
        std: per channel, by which images are then divided.

    Raises:
        ValueError: a name is not that of a module; the nearest one is told.
    """

    scale: Tensor
    shift: Tensor

    dtype: torch.dtype | None = None
    """Number format of the forward pass under autocast; None is that of the weights."""

    unit: tuple[float, float] = (0.0, 1.0)
    """In regression, mean and deviation of the values; the inner network gives standard ones."""

    def __init__(
        self,
        net: nn.Module,
        *,
        stages: Sequence[str] = (),
        activations: Mapping[str, str] | None = None,
        head: str | None = None,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
    ) -> None:
        super().__init__()
        if len(mean) != len(std):
            raise ValueError(f"mean={list(mean)} and std={list(std)} differ in length")
        self.net = net
        self.reads = reads(net)
        self._supervises = "targets" in inspect.signature(net.forward).parameters
        self._tells_heads = False
        self.stages = tuple(stages)
        self.activations = {s: a for s, a in (activations or {}).items() if s in self.stages}
        linear = [name for name, m in net.named_modules() if isinstance(m, nn.Linear) and name]
        self.head = head or (linear[-1] if linear else None)
        names = [name for name, _ in net.named_modules() if name]
        for name in (*self.stages, *self.activations.values(), *([self.head] if self.head else [])):
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1, cutoff=0)
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise ValueError(f"{type(net).__name__} has no module '{name}'{hint}")
        # (x - mean) / std as one multiplication and addition. Not in the state_dict, which is the
        # network's own.
        centre, spread = torch.tensor(mean).view(-1, 1, 1), torch.tensor(std).view(-1, 1, 1)
        self.register_buffer("scale", 1 / spread, persistent=False)
        self.register_buffer("shift", -centre / spread, persistent=False)
        self._named = Named(net, self.stages, self.activations, self.head)
        self._readers: list[Reader] = []
        self._anatomy: Anatomy | None = None
        self._hooks: Hooks | None = None

    def keep(self, fields: Iterable[str]) -> None:
        """Choose what `forward` fills beside the logits; the rest costs nothing.

        Args:
            fields: names of fields of `Outputs`.

        Raises:
            ValueError: no such field, or this network cannot give it; the message says what to
                write in the model's yaml.
        """
        kept = frozenset(fields) - {"logits"}
        for name in sorted(kept - set(Outputs._fields)):
            raise ValueError(f"Outputs have no '{name}'; they have {', '.join(Outputs._fields)}")
        if kept - {"embedding", "heads"}:
            self._named.need_stages()
        if "heads" in kept and not getattr(self.net, "has_heads", False):
            raise ValueError(
                f"{type(self.net).__name__} has no head that scores boxes at fixed places: take "
                "fcos_resnet18, say"
            )
        readers = [reader(self._named) for name, reader in READERS.items() if name in kept]
        self._detach()
        self._readers = readers
        self._tells_heads = "heads" in kept
        self._attach()

    def examine(self, input: Input) -> Tensor:
        """Learn how the stages end, from at most two samples of `input`; returns their logits.

        The network's mode, weights and statistics stay as they are.
        """

        def run() -> Tensor:
            given = self.own(input)
            if isinstance(given, dict):
                two = {key: value[:2].clone() for key, value in given.items()}
                return logits_of(self._run(two))
            return logits_of(self._run(given[:2].clone()))

        self._detach()
        self._anatomy, logits = examine(self.net, self.stages, self.head, run)
        self._attach()
        return logits

    @property
    def inner(self) -> Network:
        """The network itself: nothing is around it, as it is in an `Around`."""
        return self

    @property
    def reader(self) -> Network:
        """The network that reads the data: this one."""
        return self

    def normalise(self, images: Tensor) -> Tensor:
        """Images in [0, 1] as the inner network wants them."""
        return torch.addcmul(self.shift, images, self.scale) if len(self.scale) else images

    @property
    def normalisation(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation per channel, as given; empty lists for none."""
        std = 1 / self.scale.flatten()
        return (-self.shift.flatten() * std).tolist(), std.tolist()

    def forward(self, batch: Batch) -> Outputs:
        """The outputs for a batch, with the fields that `keep` chose."""
        if self._readers and self._hooks is None:
            self.examine(batch.input)
        try:
            with self._autocast(batch.index.device):
                given = self.own(batch.input)
                said = self._run(given, batch.target if self.training else None)
                logits = logits_of(said)
                logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
            if self.unit != (0.0, 1.0):
                logits = logits * self.unit[1] + self.unit[0]
            named = given if isinstance(given, dict) else {}
            fields: dict[str, Any] = {}
            if self._supervises:
                fields["loss"] = said.loss
            if self._tells_heads:
                fields["heads"] = said.heads
            if self._hooks is not None:
                for reader in self._readers:
                    fields |= reader.read(self._hooks.seen, named, logits)
            return Outputs(logits, **fields)
        finally:
            if self._hooks is not None:
                self._hooks.seen.clear()

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        # Copied hooks would fill this network's outputs: each gets its own.
        self._detach()
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        for network in (self, twin):
            network._attach()
        return twin

    def _autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        return nullcontext() if self.dtype is None else torch.autocast(device.type, self.dtype)

    def own(self, given: dict[str, T] | T) -> dict[str, T] | T:
        """What is for this network of several things by name; what stands alone is."""
        return own(self.net, self.reads, given)

    def _run(self, input: Input, targets: Tensor | None = None) -> Any:
        if isinstance(input, dict):
            return self.net(**input)
        more = {"targets": targets} if self._supervises else {}
        return self.net(self.normalise(input), **more)

    def _attach(self) -> None:
        if not self._readers or self._anatomy is None:
            return
        self._hooks = Hooks(self.net, self._anatomy)
        for reader in self._readers:
            reader.attach(self._hooks)

    def _detach(self) -> None:
        if self._hooks is not None:
            self._hooks.remove()
        self._hooks = None


class Around(nn.Module):
    """What is trained and shipped where that is more than a network: it has one within.

    Args:
        student: what it is put around.
    """

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    @property
    def inner(self) -> Network:
        """The network within, that learns."""
        return self.student.inner

    @property
    def reader(self) -> Network:
        """The network that reads the data."""
        return self.student.reader


Student = Network | Around
"""What is trained: a function from `Batch` to `Outputs`, with a network within."""
