"""Any network as a function from `Batch` to `Outputs`, by hooks."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from kdrun.model.anatomy import Anatomy, Point, Tap, examine
from kdrun.model.attention import places, show
from kdrun.model.tokens import T, in_parts, last, own, reads
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
            or to an object with `logits`, as in transformers. It may have a `tokenizer`.
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
        self._kept: frozenset[str] = frozenset()
        self._ready = True
        self._anatomy: Anatomy | None = None
        self._seen: dict[Point, Tensor] = {}
        self._handles: list[torch.utils.hooks.RemovableHandle] = []
        self._undo: list[Callable[[], None]] = []

    def keep(self, fields: Iterable[str]) -> None:
        """Choose what `forward` fills beside the logits; the rest costs nothing.

        Args:
            fields: names of fields of `Outputs`.

        Raises:
            ValueError: no such field, or this network cannot give it; the message says what to
                write in the model's yaml.
        """
        kept = frozenset(fields) - {"logits"}
        what = type(self.net).__name__
        for name in sorted(kept - set(Outputs._fields)):
            raise ValueError(f"Outputs have no '{name}'; they have {', '.join(Outputs._fields)}")
        if "embedding" in kept and self.head is None:
            raise ValueError(f"{what}: which module classifies? Write `head: NAME` in its yaml")
        if kept - {"embedding"} and not self.stages:
            raise ValueError(f"{what} has no stages to read: write `stages: [NAME, …]` in its yaml")
        if "attentions" in kept:
            places(self.net, self.stages)  # or it is told here that there are none
        self._detach()
        self._kept = kept
        self._ready = not kept
        if kept and self._anatomy is not None:
            self._attach(self._anatomy)

    def examine(self, input: Input) -> Tensor:
        """Learn how the stages end, from at most two samples of `input`; returns their logits.

        The network's mode, weights and statistics stay as they are.
        """

        def run() -> Tensor:
            given = self.own(input)
            if isinstance(given, dict):
                return self._run({key: value[:2].clone() for key, value in given.items()})
            return self._run(given[:2].clone())

        self._detach()
        self._anatomy, logits = examine(self.net, self.stages, self.head, run)
        if self._kept:
            self._attach(self._anatomy)
        return logits

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
        if not self._ready:
            self.examine(batch.input)
        try:
            with self._autocast(batch.index.device):
                given = self.own(batch.input)
                logits = self._run(given)
                logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
            if self.unit != (0.0, 1.0):
                logits = logits * self.unit[1] + self.unit[0]
            if not self._kept:
                return Outputs(logits)
            return self._collect(logits, given if isinstance(given, dict) else {})
        finally:
            self._seen.clear()

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        # Copied hooks would fill this network's outputs: each gets its own.
        self._detach()
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        for network in (self, twin):
            if network._kept and network._anatomy is not None:
                network._attach(network._anatomy)
        return twin

    def _autocast(self, device: torch.device) -> AbstractContextManager[Any]:
        return nullcontext() if self.dtype is None else torch.autocast(device.type, self.dtype)

    def own(self, given: dict[str, T] | T) -> dict[str, T] | T:
        """What is for this network of several things by name; what stands alone is."""
        return own(self.net, self.reads, given)

    def _run(self, input: Input) -> Tensor:
        output = self.net(**input) if isinstance(input, dict) else self.net(self.normalise(input))
        logits: Tensor = getattr(output, "logits", output)
        return logits

    def _collect(self, logits: Tensor, given: dict[str, Tensor]) -> Outputs:
        seen, mask = self._seen, given.get("attention_mask")
        fields: dict[str, Any] = {}
        if "embedding" in self._kept and self.head:
            embedding = seen[self.head, "input"]
            over_tokens = _over_tokens(embedding, mask)
            fields["embedding"] = (last(*over_tokens) if over_tokens else embedding).flatten(1)
        stages = [seen[s, "output"] for s in self.stages if (s, "output") in seen]
        if "features" in self._kept:
            fields["features"] = tuple(self._as_map(stage, mask) for stage in stages)
        if "tokens" in self._kept:
            fields["tokens"] = tuple(stage for stage in stages if _over_tokens(stage, mask))
            fields |= {"ids": given.get("input_ids"), "mask": mask}
        if "preactivations" in self._kept:
            fields["preactivations"] = tuple(
                self._as_map(self._before(stage), mask) for stage in self.stages
            )
        if "attentions" in self._kept:
            fields["attentions"] = tuple(seen[s, "attention"] for s in self.stages)
            for stage, weights in zip(self.stages, fields["attentions"], strict=True):
                if len(weights) != len(logits) or weights.shape[-1] != weights.shape[-2]:
                    raise ValueError(
                        f"stage '{stage}' attends within windows, {tuple(weights.shape)}, "
                        "not over the whole image: no (N, heads, L, L) attention to read"
                    )
        return Outputs(logits, **fields)

    def _before(self, stage: str) -> Tensor:
        if stage in self.activations:
            return self._seen[self.activations[stage], "input"]
        return self._seen.get((stage, "before"), self._seen[stage, "output"])

    def _as_map(self, stage: Tensor, mask: Tensor | None) -> Tensor:
        if over_tokens := _over_tokens(stage, mask):
            return in_parts(*over_tokens)
        if stage.ndim == 2:
            return stage[:, :, None, None]
        # timm's name for nets that work on (N, H, W, C), as Swin does.
        if stage.ndim == 4 and getattr(self.net, "output_fmt", None) == "NHWC":
            return stage.permute(0, 3, 1, 2)
        return stage

    def _attach(self, anatomy: Anatomy) -> None:
        if "embedding" in self._kept and self.head:
            self._tap(anatomy, (self.head, "input"))
        if self._kept & {"features", "preactivations", "tokens"}:
            for stage in self.stages:
                self._tap(anatomy, (stage, "output"))
        if "preactivations" in self._kept:
            for activation in self.activations.values():
                self._tap(anatomy, (activation, "input"))
            for stage, activation in anatomy.ends.items():
                self._tap(anatomy, (activation, "input"))
                # Later stages may call the same module again, so its last input counts now.
                hook = Tap(self._seen, (stage, "before"), source=(activation, "input"))
                self._hook(stage, "output", hook)
        if "attentions" in self._kept:
            where = places(self.net, self.stages)
            self._undo.append(show(self.net, where))
            for stage, place in zip(self.stages, where, strict=True):
                hook = Tap(self._seen, (stage, "attention"), item=place.item)
                self._hook(place.name, place.side, hook)
        self._ready = True

    def _tap(self, anatomy: Anatomy, point: Point) -> None:
        name, side = point
        if point not in anatomy.overwritten:
            raise ValueError(
                f"{type(self.net).__name__}: no tensor is the {side} of '{name}' in a forward "
                "pass; name other modules as `stages` or `head` in the model's yaml"
            )
        self._hook(name, side, Tap(self._seen, point, copy=anatomy.overwritten[point]))

    def _hook(self, name: str, side: str, hook: Tap) -> None:
        module = self.net.get_submodule(name)
        if side == "input":
            self._handles.append(module.register_forward_pre_hook(hook))
        else:
            self._handles.append(module.register_forward_hook(hook))

    def _detach(self) -> None:
        for handle in self._handles:
            handle.remove()
        for undo in self._undo:
            undo()
        self._handles.clear()
        self._undo.clear()


def _over_tokens(states: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """States (N, L, D) of the tokens of texts, with their mask (N, L)."""
    if mask is None or states.ndim != 3 or states.shape[:2] != mask.shape:
        return None
    return states, mask


def inner(model: nn.Module) -> Network:
    """The network itself, if need be inside of what a loss put around it (`Loss.deploy`)."""
    found = model if isinstance(model, Network) else model.student
    assert isinstance(found, Network)
    return found
