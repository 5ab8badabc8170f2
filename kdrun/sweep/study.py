"""A study by Optuna over overrides: its space, its trials, and what came of each.

Akiba, Sano, Yanase, Ohta, Koyama, 2019. Optuna: a next-generation hyperparameter optimization
framework. https://arxiv.org/abs/1907.10902
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from kdrun.config.instantiate import nearest
from kdrun.config.schema import RUNTIME
from kdrun.results.glossary import is_cost
from kdrun.results.record import Record
from kdrun.run.asked import PrunedError, Watch

Section = Mapping[str, Any]
Direction = Literal["maximize", "minimize"]

DATABASE = "optuna.db"
"""The storage of the studies of a sweep's folder, unless another is named."""


def distribution(override: Override) -> BaseDistribution:
    """What Optuna draws for a swept override.

    `choice(a,b)`, `a,b` and `shuffle(...)` are categories, kept as they are typed;
    `range(a,b,step)` are the numbers that Hydra's own sweeps would visit; `interval(a,b)` holds
    both of its ends, in whole numbers as `int(interval(a,b))`, in logarithms as
    `tag(log, interval(a,b))`.
    """
    value = override.value()
    if isinstance(value, IntervalSweep):
        low, high, log_scale = value.start, value.end, "log" in value.tags
        assert low is not None
        assert high is not None
        if isinstance(low, int) and isinstance(high, int):
            return IntDistribution(low, high, log=log_scale)
        return FloatDistribution(float(low), float(high), log=log_scale)
    if isinstance(value, RangeSweep) and not value.shuffle:
        visited = list(value.range())
        low, high, step = min(visited), max(visited), abs(value.step)
        if all(isinstance(each, int) for each in visited):
            return IntDistribution(int(low), int(high), step=int(step))
        return FloatDistribution(float(low), float(high), step=float(step))
    return CategoricalDistribution(list(override.sweep_string_iterator()))


@dataclass
class Trial:
    """One trial of a study, new or taken over from a process that died.

    Attributes:
        number: in the study.
        words: its overrides, all of them.
        own: those that the study drew.
        live: Optuna's handle of a new one, by which it can be pruned.
    """

    number: int
    words: list[str]
    own: list[str]
    live: optuna.Trial | None = None


class Study:
    """A study that lies in the folder of a sweep, and goes on where it stopped.

    Args:
        overrides: parsed; those with several values make the space.
        sweep_dir: where the storage goes, unless `storage` names another.
        metrics: columns of results.csv to optimise.
        directions: `maximize` or `minimize`, for each.
        sampler: `{name: TPESampler, ...}`, a class of optuna.samplers and its arguments.
        pruner: likewise, of optuna.pruners.
        storage: where else the study lies, as an address that SQLAlchemy reads.

    Raises:
        ValueError: there is nothing to search over, or to search for.
    """

    def __init__(
        self,
        overrides: Sequence[Override],
        sweep_dir: Path,
        *,
        metrics: Sequence[str],
        directions: Sequence[Direction],
        sampler: Section,
        pruner: Section | None,
        storage: str | None = None,
    ) -> None:
        _check(metrics, directions)
        self.metrics = list(metrics)
        self.fixed = [str(one.input_line) for one in overrides if not one.is_sweep_override()]
        swept = [one for one in overrides if one.is_sweep_override()]
        if not swept:
            raise ValueError(
                "nothing to search over; give an override several values, such as "
                "'optimizer.lr=tag(log, interval(0.001, 0.3))' or loss=kd,dkd"
            )
        self.space = {one.get_key_element(): distribution(one) for one in swept}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        space = [str(one.input_line) for one in swept]
        self.study = optuna.create_study(
            storage=storage or f"sqlite:///{sweep_dir / DATABASE}",
            study_name=_name([*self.fixed, *space], metrics, directions),
            directions=list(directions),
            pruner=_make(optuna.pruners, pruner) if pruner else optuna.pruners.NopPruner(),
            load_if_exists=True,
        )
        # The draws of a study that goes on must not be those that began it.
        shifted = dict(sampler)
        if shifted.get("seed") is not None:
            shifted["seed"] += len(self.study.trials)
        self.study.sampler = _make(optuna.samplers, shifted)

    def __len__(self) -> int:
        """How many trials there are, those included that are not over."""
        return len(self.study.trials)

    def left_over(self) -> list[Trial]:
        """Trials that some process began and none has ended."""
        begun = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return [self._trial(trial.number, trial.params) for trial in begun]

    def ask(self) -> Trial:
        """A new trial."""
        live = self.study.ask(self.space)
        return self._trial(live.number, live.params, live)

    def _trial(
        self, number: int, params: Mapping[str, Any], live: optuna.Trial | None = None
    ) -> Trial:
        own = [f"{key}={value}" for key, value in params.items()]
        return Trial(number, [*self.fixed, *own], own, live)

    def tell(self, trial: Trial, record: Record | None) -> str:
        """Let the study know what came of a trial.

        Returns:
            The same in words.
        """
        status = record["status"] if record else "failed"
        error = (record or {}).get("error", "").strip()
        if status == "ok":
            assert record is not None
            found = {name: record["metrics"].get(name) for name in self.metrics}
            absent = [name for name, value in found.items() if not isinstance(value, (int, float))]
            if not absent:
                self.study.tell(trial.number, [float(str(value)) for value in found.values()])
                return ", ".join(f"{name} {value:.4g}" for name, value in found.items())
            status, error = "failed", f"{' and '.join(absent)} was not measured{_instead(record)}"
        state = TrialState.PRUNED if status == "pruned" else TrialState.FAIL
        self.study.tell(trial.number, state=state, skip_if_finished=True)
        return f"{status}: {error}"

    def watch(self, trial: Trial) -> Watch | None:
        """What stops a trial after an epoch that promises less than others did at that point.

        Optuna prunes by one metric, and metrics.csv must have it. One that was taken over runs on.
        """
        live, metric = trial.live, self.metrics[0]
        if live is None or len(self.metrics) > 1:
            return None

        def look(row: dict[str, Any]) -> None:
            value = row.get(metric)
            if value is None:
                return
            live.report(float(value), int(row["epoch"]))
            if live.should_prune():
                raise PrunedError(f"{metric} {value:.4f} after epoch {row['epoch']}")

        return look

    def best(self) -> list[FrozenTrial]:
        """The best trials: one, or the Pareto front of several metrics."""
        return [trial for trial in self.study.best_trials if trial.values]

    def told(self, flags: Sequence[str]) -> str:
        """How the search stands, the best found, and the commands that run it.

        Args:
            flags: what every command has to say first.
        """
        states = [trial.state for trial in self.study.trials]
        counts = [
            f"{states.count(state)} {word}"
            for state, word in (
                (TrialState.COMPLETE, "ok"),
                (TrialState.PRUNED, "pruned"),
                (TrialState.FAIL, "failed"),
                (TrialState.RUNNING, "running"),
            )
            if state in states
        ]
        best = self.best()
        lines = [f"{len(self)} trials: {', '.join(counts)}"]
        if len(self.metrics) > 1:
            lines.append(f"the {len(best)} that none beats in every metric:")
        for trial in best if len(self.metrics) > 1 else best[:1]:
            values = zip(self.metrics, trial.values, strict=True)
            told = ", ".join(f"{name} {value:.4g}" for name, value in values)
            words = self._trial(trial.number, trial.params).words
            lines.append(f"best: {told} (trial {trial.number})")
            lines.append(f"  kdrun {shlex.join([*flags, *words])}")
        return "\n".join(lines)


def _instead(record: Record) -> str:
    """What a search over runs of this task can go by."""
    criterion = record.get("task", {}).get("criterion")
    if criterion is None:
        return ""
    way = "minimize" if is_cost(criterion) else "maximize"
    return f"; search by hydra.sweeper.metrics=[{criterion}] hydra.sweeper.directions=[{way}]"


def _check(metrics: Sequence[str], directions: Sequence[str]) -> None:
    """Raise ValueError for what cannot or must not be optimised."""
    if not metrics or len(metrics) != len(directions):
        raise ValueError(
            f"hydra.sweeper.metrics={list(metrics)} needs as many directions, "
            f"not {list(directions)}"
        )
    for name in metrics:
        if name.startswith("test_"):
            raise ValueError(
                f"hydra.sweeper.metrics: {name} is read once, at the end; a search by it would "
                "make it worthless. Search by val_accuracy"
            )
    for direction in directions:
        if direction not in ("maximize", "minimize"):
            raise ValueError(f"hydra.sweeper.directions: {direction} is no maximize or minimize")


def _make(module: Any, section: Section) -> Any:
    """A sampler or a pruner from its name and arguments."""
    arguments = {str(key): value for key, value in section.items() if key != "name"}
    name = str(section["name"])
    if name not in module.__all__:
        raise ValueError(f"{module.__name__} has no {name}; {nearest(name, module.__all__)}")
    try:
        return getattr(module, name)(**arguments)
    except TypeError as error:
        raise ValueError(f"{module.__name__}.{name}: {error}") from error


def _name(words: Sequence[str], metrics: Sequence[str], directions: Sequence[str]) -> str:
    """The same for the same question: another space in the same folder is another study."""
    asked = sorted(word for word in words if word.split("=")[0] not in RUNTIME)
    text = json.dumps([asked, [*metrics], [*directions]])
    return f"{'+'.join(metrics)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
