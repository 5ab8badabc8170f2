"""Completions that a teacher writes once for all training prompts, kept as a file of lines."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kdrun.dataset.bpe import decoded
from kdrun.dataset.digest import digest, inputs_digest
from kdrun.dataset.layout import completions, filled
from kdrun.dataset.split import sample_ids
from kdrun.device import precision
from kdrun.files.lock import held
from kdrun.model.features import Network
from kdrun.results.record import write_atomic
from kdrun.task.completions import write
from kdrun.task.decode import Sampled, aligned, completed, likeliest, prompts
from kdrun.task.generation import Generation
from kdrun.teacher.content import LIBRARIES
from kdrun.teacher.network import Frozen
from kdrun.types import Arrays, Batch, Loader
from kdrun.version import versions

log = logging.getLogger(__name__)

FOLDER = "written"
"""Below the cache."""

Settings = dict[str, Any]


def rewritten(
    split: Arrays,
    loader: Loader,
    teacher: Frozen,
    task: Generation,
    cache: Path,
    settings: Settings,
) -> Arrays:
    """A split whose completions are the teacher's, which writes them now if it has not before.

    Args:
        split: with prompts.
        loader: its batches, in order.
        teacher: a network over a model of transformers.
        task: of the split.
        cache: the folder of what runs share.
        settings: `beams` and `temperature` of the search.

    Raises:
        ValueError: the teacher is no network that writes.
    """
    network = teacher.network
    if not isinstance(network, Network) or not hasattr(network.net, "generate"):
        raise ValueError(
            "method=seq_kd needs a teacher that writes: a language model of transformers, such as "
            "teacher=gpt2"
        )
    file = cache / FOLDER / f"{_digits(split, network, settings)}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    with held(file.with_suffix(".lock"), "the completions of a teacher"):
        if not file.exists():
            log.info("the teacher writes %d completions", len(split))
            _write(file, split, _ask(network, loader, task, settings), task)
    said, _ = filled(_read(file, len(split)), -1)
    log.info("the student learns from the completions in %s", file)
    assert isinstance(split.inputs, dict)
    inputs, targets = completed(split.inputs, split.targets, said, task.end)
    return replace(split, inputs=inputs, targets=targets)


def _ask(network: Network, loader: Loader, task: Generation, settings: Settings) -> list[list[int]]:
    """The tokens of each completion, in the order of the split."""
    found: list[list[int]] = []
    for batch in loader.epoch(0):
        if settings["beams"] > 1:
            said = _searched(network, batch, task, settings["beams"])
        else:
            heat = settings["temperature"]
            draws = Sampled(0, 0, batch.index, heat, "written") if heat else likeliest
            said = write(task, network, batch, draws)
        found += completions(said.cpu())
    return found


@torch.no_grad()
def _searched(network: Network, batch: Batch, task: Generation, beams: int) -> Tensor:
    """What transformers' own beam search finds."""
    given: Any = prompts(network.own(batch.input), batch.target)  # type: ignore[arg-type]
    apart = "decoder_input_ids" in given
    more = {}
    if apart:
        more["decoder_start_token_id"] = int(given.pop("decoder_input_ids")[0, 0])
    else:
        given = aligned(given)
        del given["position_ids"]
    device = batch.index.device.type
    context = nullcontext() if network.dtype is None else torch.autocast(device, network.dtype)
    net: Any = network.net
    with context:
        said: Tensor = net.generate(
            **given,
            **more,
            num_beams=beams,
            do_sample=False,
            max_new_tokens=task.most,
            eos_token_id=task.end,
            pad_token_id=task.end,
            use_cache=True,
        )
    said = said[:, 1 if apart else given["input_ids"].shape[1] :]
    ends = (said == task.end).long().cumsum(1)
    return said.masked_fill((ends - (said == task.end).long()) > 0, -1)


def _write(file: Path, split: Arrays, said: list[list[int]], task: Generation) -> None:
    texts = [""] * len(said)
    if task.tokenizer is not None:
        texts = decoded(task.tokenizer, [[t for t in one if t != task.end] for one in said])
    rows = zip(sample_ids(split), texts, said, strict=True)
    lines = (
        json.dumps({"id": name, "completion": text, "tokens": tokens}, ensure_ascii=False)
        for name, text, tokens in rows
    )
    write_atomic(file, "".join(f"{line}\n" for line in lines))


def _read(file: Path, size: int) -> list[list[int]]:
    try:
        rows = [json.loads(line)["tokens"] for line in file.read_text().split("\n") if line]
        found = [[int(token) for token in row] for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is damaged ({error}): delete it") from error
    if len(found) != size:
        raise ValueError(f"{file} has {len(found)} completions for {size} prompts: delete it")
    return found


def _digits(split: Arrays, network: Network, settings: Settings) -> str:
    """What completions depend on, in 32 digits."""
    weights = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        weights.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        weights.update(tensor.detach().cpu().numpy().tobytes())
    told = {
        "teacher": weights.hexdigest(),
        "inputs": inputs_digest(split),
        "targets": digest(split),  # where prompts end
        "precision": precision(network.dtype),
        "settings": settings,
        "libraries": versions(LIBRARIES),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]
