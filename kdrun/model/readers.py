"""How each field of `Outputs` is read of a network: one reader a field, by hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from kdrun.model.anatomy import Anatomy, Point, Tap
from kdrun.model.attention import places, show
from kdrun.model.tokens import in_parts, last

Given = Mapping[str, Tensor]
"""What the network was given by name; empty where it was one tensor."""


class Named(NamedTuple):
    """A network, and what its yaml names of it: see `Network`."""

    net: nn.Module
    stages: tuple[str, ...]
    activations: dict[str, str]
    head: str | None

    def need_stages(self) -> None:
        """Refuse a network that names no stages.

        Raises:
            ValueError: it says what to write.
        """
        if not self.stages:
            what = type(self.net).__name__
            raise ValueError(f"{what} has no stages to read: write `stages: [NAME, …]` in its yaml")


class Hooks:
    """What hooks of a network saw of the last batch, and how they are taken away again.

    Args:
        net: on whose modules they sit.
        anatomy: of it.
    """

    def __init__(self, net: nn.Module, anatomy: Anatomy) -> None:
        self.net, self.anatomy = net, anatomy
        self.seen: dict[Point, Tensor] = {}
        self._undo: list[Callable[[], None]] = []
        self._tapped: set[Point] = set()

    def tap(self, name: str, side: str) -> None:
        """See what enters or leaves a module, as it was before the network overwrites it.

        Raises:
            ValueError: no tensor passed there when the network was examined.
        """
        point = name, side
        if point not in self.anatomy.overwritten:
            raise ValueError(
                f"{type(self.net).__name__}: no tensor is the {side} of '{name}' in a forward "
                "pass; name other modules as `stages` or `head` in the model's yaml"
            )
        if point not in self._tapped:
            self._tapped.add(point)
            self.hook(name, side, Tap(self.seen, point, copy=self.anatomy.overwritten[point]))

    def hook(self, name: str, side: str, hook: Tap) -> None:
        """Put a hook on the "input" or the "output" of a module."""
        module = self.net.get_submodule(name)
        if side == "input":
            self.until_removed(module.register_forward_pre_hook(hook).remove)
        else:
            self.until_removed(module.register_forward_hook(hook).remove)

    def until_removed(self, undo: Callable[[], None]) -> None:
        """Something was changed in the network that `remove` has to undo."""
        self._undo.append(undo)

    def remove(self) -> None:
        """Leave the network as it was."""
        while self._undo:
            self._undo.pop()()


class Reader:
    """One field of `Outputs`: whether a network can give it, where it passes, and how it is read.

    Args:
        named: the network.

    Raises:
        ValueError: it cannot give the field; the message says what to write in its yaml.
    """

    def __init__(self, named: Named) -> None:
        named.need_stages()
        self.named = named

    def attach(self, hooks: Hooks) -> None:
        """Put hooks where the field passes."""
        for stage in self.named.stages:
            hooks.tap(stage, "output")

    def read(self, seen: Mapping[Point, Tensor], given: Given, logits: Tensor) -> dict[str, Any]:
        """The field, by its name, and what goes with it.

        Args:
            seen: what the hooks saw of this batch.
            given: what the network was given.
            logits: (N, …), what it answered.
        """
        raise NotImplementedError


class Embedding(Reader):
    """(N, D) input of the classifier; of a text, that of its last token."""

    def __init__(self, named: Named) -> None:
        self.named = named
        if named.head is None:
            what = type(named.net).__name__
            raise ValueError(f"{what}: which module classifies? Write `head: NAME` in its yaml")
        self.head = named.head

    def attach(self, hooks: Hooks) -> None:
        """See what enters the classifier."""
        hooks.tap(self.head, "input")

    def read(self, seen: Mapping[Point, Tensor], given: Given, logits: Tensor) -> dict[str, Any]:
        """`embedding`."""
        states, own = seen[self.head, "input"], given.get("decoder_attention_mask")
        over_tokens = _over_tokens(states, given if own is None else {"attention_mask": own})
        return {"embedding": (last(*over_tokens) if over_tokens else states).flatten(1)}


class Features(Reader):
    """What leaves the stages, as maps, patches, or parts of a text."""

    def read(self, seen: Mapping[Point, Tensor], given: Given, logits: Tensor) -> dict[str, Any]:
        """`features`."""
        stages = [seen[stage, "output"] for stage in self.named.stages]
        return {"features": tuple(_as_map(self.named.net, stage, given) for stage in stages)}


class Tokens(Reader):
    """What leaves those stages that work on the tokens of texts, padding included."""

    def read(self, seen: Mapping[Point, Tensor], given: Given, logits: Tensor) -> dict[str, Any]:
        """`tokens`, with their `ids` and `mask`."""
        stages = [seen[stage, "output"] for stage in self.named.stages]
        return {
            "tokens": tuple(stage for stage in stages if _over_tokens(stage, given)),
            "ids": given.get("input_ids"),
            "mask": given.get("attention_mask"),
        }


class Preactivations(Reader):
    """What enters the activations that end the stages; a stage that ends in none, as it is."""

    def attach(self, hooks: Hooks) -> None:
        """See what enters the activation that the yaml names, or in which the stage ends."""
        super().attach(hooks)
        for activation in self.named.activations.values():
            hooks.tap(activation, "input")
        for stage, activation in hooks.anatomy.ends.items():
            hooks.tap(activation, "input")
            # Later stages may call the same module again, so its last input counts now.
            tap = Tap(hooks.seen, (stage, "before"), source=(activation, "input"))
            hooks.hook(stage, "output", tap)

    def read(self, seen: Mapping[Point, Tensor], given: Given, logits: Tensor) -> dict[str, Any]:
        """`preactivations`."""
        net, activations = self.named.net, self.named.activations
        before = [
            seen[activations[stage], "input"]
            if stage in activations
            else seen.get((stage, "before"), seen[stage, "output"])
            for stage in self.named.stages
        ]
        return {"preactivations": tuple(_as_map(net, states, given) for states in before)}


class Attentions(Reader):
    """Attention probabilities of the last block of each stage."""

    def __init__(self, named: Named) -> None:
        super().__init__(named)
        self.places = places(named.net, named.stages)

    def attach(self, hooks: Hooks) -> None:
        """Let the network compute what fused kernels never hold, and see it."""
        hooks.until_removed(show(self.named.net, self.places))
        for stage, place in zip(self.named.stages, self.places, strict=True):
            tap = Tap(hooks.seen, (stage, "attention"), item=place.item)
            hooks.hook(place.name, place.side, tap)

    def read(self, seen: Mapping[Point, Tensor], given: Given, logits: Tensor) -> dict[str, Any]:
        """`attentions`.

        Raises:
            ValueError: a stage attends within windows.
        """
        attentions = tuple(seen[stage, "attention"] for stage in self.named.stages)
        for stage, weights in zip(self.named.stages, attentions, strict=True):
            if len(weights) != len(logits) or weights.shape[-1] != weights.shape[-2]:
                raise ValueError(
                    f"stage '{stage}' attends within windows, {tuple(weights.shape)}, "
                    "not over the whole image: no (N, heads, L, L) attention to read"
                )
        return {"attentions": attentions}


READERS: dict[str, type[Reader]] = {
    "embedding": Embedding,
    "features": Features,
    "preactivations": Preactivations,
    "attentions": Attentions,
    "tokens": Tokens,
}
"""Who reads which field of `Outputs`."""


def _over_tokens(states: Tensor, given: Given) -> tuple[Tensor, Tensor] | None:
    """States (N, L, D) of the tokens of texts, with their mask (N, L)."""
    mask = given.get("attention_mask")
    if mask is None or states.ndim != 3 or states.shape[:2] != mask.shape:
        return None
    return states, mask


def _as_map(net: nn.Module, stage: Tensor, given: Given) -> Tensor:
    if over_tokens := _over_tokens(stage, given):
        return in_parts(*over_tokens)
    if stage.ndim == 2:
        return stage[:, :, None, None]
    # timm's name for nets that work on (N, H, W, C), as Swin does.
    if stage.ndim == 4 and getattr(net, "output_fmt", None) == "NHWC":
        return stage.permute(0, 3, 1, 2)
    return stage
