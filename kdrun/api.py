"""kdrun from Python: what the command line does, with its words as arguments.

`run`, `sweep` and `compare` are also names of packages, which can be called: `kdrun.callable`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdrun.results.record import Record

if TYPE_CHECKING:
    import pandas as pd

    from kdrun.predict.predictor import Predictor


def run(*words: str, config_dir: str | None = None, **settings: Any) -> Record:
    """Do one run, or return what it came to if it is done: `kdrun WORDS...`.

    Args:
        words: overrides as on the command line, `"train.epochs=3"`.
        config_dir: a folder of configs of your own.
        settings: likewise as arguments: `student="resnet8"`, `seed=1`, `train={"epochs": 3}`,
            `loss=["kd", "at"]`.

    Returns:
        What record.json holds: `status`, `metrics`, `config`, `run_dir`, ….

    Raises:
        ValueError: a mistake in what was given; nothing was run.
        Exception: whatever stopped the run; its row says so.
    """
    typed = [*words, *overrides(settings)]
    records: list[Record] = []

    def task(config: Any) -> None:
        from hydra.core.hydra_config import HydraConfig

        from kdrun.run.life import run as execute

        folder = Path(HydraConfig.get().runtime.output_dir)
        record = execute(config, folder)
        records.append({**record, "run_dir": str(folder)})

    with _hydra(typed, config_dir) as (hydra, config):
        if config.cv.folds is not None and config.cv.fold is None:
            raise ValueError("cv.folds is a run for each fold: take kdrun.sweep, or give cv.fold")
        _raised(hydra.run(config_name="config", task_function=task, overrides=typed))
    return records[0]


def sweep(*words: str, config_dir: str | None = None, **settings: Any) -> pd.DataFrame:
    """Do what is missing of many runs: `kdrun -m WORDS...`.

    Args:
        words: as of `run`; choices are joined by commas, `"seed=0,1,2"`.
        config_dir: likewise.
        settings: likewise; a tuple has one value for each run, `seed=(0, 1, 2)`.

    Returns:
        The table of the experiment, a row for each of its runs, failed ones too.

    Raises:
        ValueError: a mistake in what was given; nothing was run.
    """
    from kdrun.run.calls import Runs
    from kdrun.sweep.outcome import SweepFailedError

    typed = [*words, *overrides(settings)]
    with _hydra(typed, config_dir) as (hydra, config):
        try:
            hydra.multirun(config_name="config", task_function=Runs(), overrides=typed)
        except SweepFailedError as error:
            print(error)
        return _frame(_rows(Path("outputs", config.name)))


def compare(
    *runs: str | Path,
    metric: str = "",
    by: str = "",
    over: str = "",
    where: str = "",
    baseline: str = "",
) -> pd.DataFrame:
    """Which runs are better, and by more than chance: `kdrun compare RUNS...`.

    Args:
        runs: folders of runs or sweeps, tables, patterns.
        metric: columns to sum up, with commas; the first is compared.
        by: columns to group by; empty for all that differ.
        over: columns to average over on purpose.
        where: a condition on runs, `epochs >= 20`.
        baseline: what makes the group that the others are held against, `loss=kd`.

    Returns:
        A row for each group, the best first: its mean, deviation, interval and verdict, shares as
        parts of one. `attrs["notes"]` says what its reader has to know.

    Raises:
        ValueError: there is nothing to compare, or it is not comparable.
    """
    from kdrun.compare import chosen, default_metrics, present, selection
    from kdrun.compare import named as columns_in
    from kdrun.compare.comparison import compare as compared
    from kdrun.compare.comparison import hold_against
    from kdrun.compare.gather import gather

    rows = gather([str(one) for one in runs])
    columns = dict.fromkeys(key for row in rows for key in row)
    if where:
        rows = chosen(rows, where, columns)
    metrics = columns_in(metric, columns) or default_metrics(rows)
    found = compared(rows, metrics, columns_in(by, columns), columns_in(over, columns))
    if baseline:
        hold_against(found, selection(baseline, columns))
    present.sort(found, "")
    table = _frame([present.flat(line, found) for line in found.lines])
    table.attrs["notes"] = list(found.notes)
    return table


def load(run: str | Path, plugins: Sequence[str] = (), device: str = "auto") -> Predictor:
    """The student of a finished run, which answers about raw inputs.

    Args:
        run: its folder, its file of weights, or its record.
        plugins: packages that the model's `_target_` may name.
        device: as in `train.device`.

    Raises:
        ValueError: the weights cannot be read.
        FileNotFoundError: there are none.
    """
    from kdrun.predict.predictor import Predictor

    place = run["run_dir"] if isinstance(run, Mapping) else run
    return Predictor(str(place), list(plugins), device)


def overrides(settings: Mapping[str, Any], above: str = "") -> list[str]:
    """Arguments as words of a command: `train={"epochs": 3}` is `train.epochs=3`.

    A tuple is a sweep over its items.
    """
    words: list[str] = []
    for key, value in settings.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            words += overrides(value, f"{name}.")
        elif isinstance(value, tuple):
            words.append(f"{name}={','.join(map(_written, value))}")
        else:
            words.append(f"{name}={_written(value)}")
    return words


def _written(value: Any) -> str:
    """A value as Hydra reads it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    text = str(value)
    if isinstance(value, Path) or any(mark in text for mark in " ,'\"=[]{}()"):
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return text


@contextmanager
def _hydra(typed: Sequence[str], config_dir: str | None) -> Iterator[tuple[Any, Any]]:
    """Hydra, with kdrun's configs, and the config that was checked; as the command line has them.

    What a program logs by itself is set up again when the run is over.
    """
    import logging

    from hydra import version
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.global_hydra import GlobalHydra

    from kdrun.config import register, schema, validate
    from kdrun.security import sent_yaml

    if config_dir:
        sent_yaml.check_folder(config_dir)
    register.register(config_dir)
    config = validate.overrides([*typed], config_dir)
    version.setbase("1.3")
    places = create_config_search_path(str(schema.folder()))
    if config_dir:
        places.append(provider="command-line", path=f"file://{Path(config_dir).resolve()}")
    root = logging.getLogger()
    before = root.handlers[:], root.level
    GlobalHydra.instance().clear()
    try:
        yield Hydra.create_main_hydra2("kdrun", places), config
    finally:
        GlobalHydra.instance().clear()
        for handler in root.handlers:
            if handler not in before[0]:
                handler.close()
        root.handlers[:], root.level = before


def _raised(ended: Any) -> None:
    """Raise what a job of Hydra's raised."""
    ended.return_value  # noqa: B018  # a property that raises


def _rows(folder: Path) -> list[Any]:
    from kdrun.results.record import find_records, tabulate_records

    return tabulate_records(find_records(folder))


def _frame(rows: Sequence[Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(rows))
