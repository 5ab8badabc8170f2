"""Task arithmetic: add what several runs learnt to what they began with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from kdrun.model.features import Network
from kdrun.transfer import Source, Strategy
from kdrun.transfer.arithmetic import State, combine, read_run, same_start, snapshot
from kdrun.transfer.start import carry_over, fingerprint
from kdrun.types import Loader


class TaskArithmetic(Strategy):
    """Add the task vectors of several runs to the source's weights.

        w = w⁰ + Σᵢ λᵢ (wᵢ − w⁰)

    A negative λ unlearns. Nothing is trained. Ilharco et al., ICLR 2023.
    https://arxiv.org/abs/2212.04089

    Args:
        runs: folders of runs that began with the source's model, transfer.head=keep.
        scale: λ of all, or one for each run.

    Raises:
        ValueError: there are no runs, or not as many scales as runs.
    """

    epochs: ClassVar[int | None] = 0  # type: ignore[misc]

    def __init__(self, runs: Sequence[str], scale: float | Sequence[float] = 1.0) -> None:
        scales = [scale] * len(runs) if isinstance(scale, (int, float)) else list(scale)
        if not runs or len(scales) != len(runs) or not all(map(math.isfinite, scales)):
            raise ValueError(
                f"transfer.runs={list(runs)}, transfer.scale={scale}: give the folder of a run or "
                "more, and one number, or one for each."
            )
        self.runs, self.scales = list(runs), scales
        self._states: Sequence[State] = ()
        self._starts: Sequence[str] = ()

    def check(self, student: Network) -> None:
        """Read the runs; see `Strategy`."""
        self._states, self._starts = zip(
            *(read_run(run, student) for run in self.runs), strict=True
        )

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The sum; see `Strategy`.

        Raises:
            ValueError: there is no source, or a run began with other weights.
        """
        if source is None:
            raise ValueError("w⁰ is the source's model: set dataset.source.")
        self.report = carry_over(student, source, head="keep")
        same_start(self.runs, self._starts, fingerprint(student), "this source's model")
        states = [snapshot(student), *self._states]
        student.load_state_dict(combine(states, [1 - sum(self.scales), *self.scales]))
        return student
