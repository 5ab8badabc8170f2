"""Texts that a language model writes, token by token: what it has read it does not read again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from kdrun.dataset.random import uniform

Chooser = Callable[[Tensor, int], Tensor]
"""From (N, V) scores of the next token and the number of those before it to (N,) tokens."""


def likeliest(logits: Tensor, step: int) -> Tensor:
    """Greedy: the likeliest token, the first of equals."""
    return logits.argmax(1)


@torch.no_grad()
def decode(
    net: Any,
    given: Mapping[str, Tensor],
    end: int,
    most: int,
    choose: Chooser = likeliest,
) -> Tensor:
    """Let a model of transformers go on from some prompts.

    Args:
        net: a decoder, or an encoder with a decoder; it stays in the mode in which it is.
        given: (N, L) `input_ids` and `attention_mask`, filled up on the right; and (N, 1)
            `decoder_input_ids`, which only an encoder with a decoder reads.
        end: the token after a text.
        most: tokens that are written at most, the end included.
        choose: which token comes next.

    Returns:
        (N, T) tokens, T up to `most` or as many as the model has room for; -1 after the end.

    Raises:
        ValueError: a prompt is longer than what the model reads.
    """
    apart = "decoder_input_ids" in given
    size = given["input_ids"].shape[1]
    limit = getattr(net.config, "max_position_embeddings", None)
    if isinstance(limit, int):
        if size > limit:
            raise ValueError(f"a text of {size} tokens is longer than the {limit} that are read")
        most = min(most, limit if apart else limit - size + 1)
    step = _apart(net, given) if apart else _joined(net, given)
    token, said = None, []
    done = torch.zeros(len(given["input_ids"]), dtype=torch.bool, device=given["input_ids"].device)
    for count in range(most):
        token = choose(step(token), count)
        said.append(torch.where(done, -1, token))
        done = done | (token == end)
        if bool(done.all()):
            break
    return torch.stack(said, 1)


Step = Callable[[Tensor | None], Tensor]
"""From the (N,) tokens that were chosen, None in the beginning, to (N, V) scores of the next."""


def aligned(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Prompts of a decoder moved to the right, so that all go on at one place.

    Args:
        given: (N, L) `input_ids` and `attention_mask`, filled up on the right.

    Returns:
        These filled up on the left, and `position_ids`, 0 for the first token.
    """
    ids, mask = given["input_ids"], given["attention_mask"]
    places = torch.arange(ids.shape[1], device=ids.device) - (mask == 0).sum(1, keepdim=True)
    return {
        "input_ids": ids.gather(1, places.clamp(min=0)),
        "attention_mask": (places >= 0).to(mask.dtype),
        "position_ids": places.clamp(min=0),
    }


def _cache(net: Any) -> str:
    """What transformers of this version calls that which has been read."""
    return "cache" if "cache" in inspect.signature(net.forward).parameters else "past_key_values"


def _joined(net: Any, given: Mapping[str, Tensor]) -> Step:
    """Steps of a decoder."""
    now = aligned(given)
    if "position_ids" not in inspect.signature(net.forward).parameters:
        del now["position_ids"]
    cache, state = _cache(net), None

    def step(token: Tensor | None) -> Tensor:
        nonlocal state
        if token is not None:
            before = now["attention_mask"]
            now["input_ids"] = token[:, None]
            now["attention_mask"] = torch.cat([before, torch.ones_like(before[:, :1])], 1)
            if "position_ids" in now:
                now["position_ids"] = now["position_ids"][:, -1:] + 1
        told = net(**now, **{cache: state}, use_cache=True)
        state = getattr(told, cache)
        logits: Tensor = told.logits[:, -1].float()
        return logits

    return step


def _apart(net: Any, given: Mapping[str, Tensor]) -> Step:
    """Steps of a decoder beside an encoder, which reads the prompts once."""
    mask, start = given["attention_mask"], given["decoder_input_ids"][:, :1]
    read = net.get_encoder()(input_ids=given["input_ids"], attention_mask=mask, return_dict=True)
    cache, state = _cache(net), None

    def step(token: Tensor | None) -> Tensor:
        nonlocal state
        told = net(
            encoder_outputs=read,
            attention_mask=mask,
            decoder_input_ids=start if token is None else token[:, None],
            use_cache=True,
            **{cache: state},
        )
        state = getattr(told, cache)
        logits: Tensor = told.logits[:, -1].float()
        return logits

    return step


def prompts(given: Mapping[str, Tensor], target: Tensor) -> dict[str, Tensor]:
    """The inputs of some texts without what is to be completed.

    Args:
        given: (N, L) tokens and masks by name, as `Layout` puts them.
        target: (N, L') which tokens count: a prompt ends at the place of the first. Where none
            does, all of a text is the prompt.
    """
    if "decoder_input_ids" in given:
        kept = {name: given[name] for name in ("input_ids", "attention_mask")}
        return {**kept, "decoder_input_ids": given["decoder_input_ids"][:, :1]}
    ids, mask = given["input_ids"], given["attention_mask"]
    places = torch.arange(ids.shape[1], device=ids.device)
    counts = target[:, : ids.shape[1]] >= 0
    first = torch.where(counts.any(1), counts.to(torch.int64).argmax(1), ids.shape[1])
    mask = mask * (places <= first[:, None])
    longest = int(mask.sum(1).max())
    return {"input_ids": ids[:, :longest], "attention_mask": mask[:, :longest]}


def completed(
    given: Mapping[str, Tensor], target: Tensor, said: Tensor, end: int
) -> tuple[dict[str, Tensor], Tensor]:
    """Texts with other completions, as `Layout` would put them.

    Args:
        given: (N, L) tokens and masks by name, of texts as they are.
        target: (N, L') theirs, which tells where prompts end.
        said: (N, T) the completions, -1 after the end of each.
        end: the token that fills up.

    Returns:
        Inputs and targets. A completion that has no end is not given one.
    """
    if "decoder_input_ids" in given:
        own, mask = said.clamp(min=0), (said >= 0).long()
        begun = torch.cat([given["decoder_input_ids"][:, :1], own[:, :-1]], 1)
        begun = torch.where(mask > 0, begun, end)
        kept = {name: given[name] for name in ("input_ids", "attention_mask")}
        return {**kept, "decoder_input_ids": begun, "decoder_attention_mask": mask}, said
    asked = prompts(given, target)
    before, count = asked["attention_mask"].sum(1, keepdim=True), (said >= 0).sum(1, keepdim=True)
    places = torch.arange(int((before + count).max()) - 1, device=said.device)[None]
    after = places - before + 1  # which token of the completion is said at a place
    inside = (after >= 0) & (after < count)
    wanted = said.gather(1, after.clamp(0, said.shape[1] - 1)).masked_fill(~inside, -1)
    whole = torch.nn.functional.pad(asked["input_ids"], (0, max(0, places.shape[1])))
    ids = torch.where(places < before, whole[:, : places.shape[1]], end)
    later = (places >= before) & inside
    ids = torch.where(later, said.gather(1, (after - 1).clamp(0, said.shape[1] - 1)), ids)
    mask = ((places < before) | later).long()
    return {"input_ids": ids, "attention_mask": mask}, wanted


class Sampled:
    """Draws the next token: a pure function of seed, epoch, the sample's position and the step.

    Args:
        seed: of the run.
        epoch: of it.
        index: (N,) the positions of the samples in their split.
        temperature: divides the scores before their softmax.
        stream: what is drawn for.
    """

    def __init__(
        self, seed: int, epoch: int, index: Tensor, temperature: float, stream: str
    ) -> None:
        self.seed, self.epoch, self.index = seed, epoch, index
        self.temperature, self.stream = temperature, stream

    def __call__(self, logits: Tensor, step: int) -> Tensor:
        """The first token at which the probabilities have come to a number between 0 and 1."""
        drawn = uniform(self.seed, self.epoch, self.index + (step << 32), self.stream)
        sums = (logits.double() / self.temperature).softmax(1).cumsum(1)
        places = torch.searchsorted(sums, drawn[:, None].double() * sums[:, -1:], right=True)
        return places.squeeze(1).clamp(max=logits.shape[1] - 1)
