"""Arithmetic on the weights of networks that began as one."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from kdrun.files.checkpoint import read_header
from kdrun.model import weights
from kdrun.model.features import Network
from kdrun.results.record import load_record

State = dict[str, Tensor]


def snapshot(network: Network) -> State:
    """A copy of all weights and statistics."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def combine(states: Sequence[State], shares: Sequence[float]) -> State:
    """Σᵢ cᵢ wᵢ, where Σᵢ cᵢ = 1.

    Sums are made in double precision, so that a share of one gives back that state bit for bit.
    The running means and variances of batch norm are combined as weights are, and no variance
    falls below zero; a count of batches, or whatever else is whole, is that of the last state.

    Args:
        states: of networks of one architecture.
        shares: cᵢ; negative ones subtract.
    """
    assert abs(sum(shares) - 1) < 1e-6
    found = {}
    for name, last in states[-1].items():
        if not last.is_floating_point():
            found[name] = last.clone()
            continue
        total = torch.zeros_like(last, dtype=torch.float64)
        for state, share in zip(states, shares, strict=True):
            total += share * state[name].double()
        if name.endswith("running_var"):
            total.clamp_(min=0)
        found[name] = total.to(last.dtype)
    return found


def read_run(run: str, like: Network) -> tuple[State, str]:
    """The weights of a finished run of method=transfer, and the fingerprint of its first ones.

    Args:
        run: its folder.
        like: a network of the architecture, classes and pixels that are wanted.

    Raises:
        FileNotFoundError: there is no such run.
        ValueError: it is of another network, or its record does not tell how it began.
    """
    header = read_header(run)
    network = copy.deepcopy(like)
    weights.load(network, run)
    start = load_record(run).get("transfer", {}).get("start") if Path(run).is_dir() else None
    if start is None:
        raise ValueError(
            f"transfer.runs: {run} does not tell with which weights it began; give the folder of "
            "a run of method=transfer."
        )
    means = tuple(map(list, like.normalisation))
    if (header["mean"], header["std"]) != means or tuple(header["unit"]) != like.unit:
        raise ValueError(
            f"transfer.runs: {run} normalises its inputs or values otherwise than this student; "
            "take runs on the same dataset and source."
        )
    return snapshot(network), start


def same_start(runs: Sequence[str], starts: Sequence[str], wanted: str, whose: str) -> None:
    """Refuse runs that began elsewhere: between them, a mean of weights means nothing.

    Args:
        runs: their folders.
        starts: the fingerprints of their first weights.
        wanted: what it has to be.
        whose: who began with that.

    Raises:
        ValueError: it names the run.
    """
    for run, start in zip(runs, starts, strict=True):
        if start != wanted:
            raise ValueError(
                f"transfer.runs: {run} did not begin with the weights of {whose}, and only "
                "networks that did can be merged; fine-tune them from one source_model.checkpoint "
                "with transfer.head=keep, or with transfer=lp_ft."
            )
