"""The layout of record.json."""

from __future__ import annotations

from typing import Any, TypedDict

from kdrun.results.table import Value

SCHEMA = 1
"""Version of `Record`. `load_record` is where records of an older version are brought up to it."""


class Record(TypedDict, total=False):
    """The layout of record.json.

    Attributes:
        schema: `SCHEMA`, added by `save_record`.
        run_id: the name of its folder: a readable slug and eight digits of `identity`.
        identity: 64 digits of what the run is: `config` with what lies there in the place of each
            path, and the code of plugins.
        status: `running`, `interrupted`, `ok`, `failed` or `pruned`.
        error: why it failed, `ValueError: ...`; empty otherwise.
        run: what the run is, by column: method, dataset, source, target, teacher, student,
            transfer, loss, seed, epochs, precision, device, commit; and, so that unlike runs are
            never averaged, test_hash (of the test data) and split (how the training data was cut).
        task: what was predicted: its `name`, the columns that are its `criterion` and `headline`,
            and of its metrics, by column, `unit`, `better` (`more` or `less`) and `meaning`.
        metrics: what was measured, by column; None where it was not.
        predicted: how many test samples were given to each class, by its name.
        transfer: what a strategy says of itself: which weights matched those of the source, the
            fingerprint of those with which the student began, the coefficient that was chosen, ...
        selection: of an unsupervised adaptation, the `rule` of `method.select`, the `epoch` whose
            weights count, whether the last one had `collapsed`, and the `score` of the rule.
        weights: what was found, chosen and assumed of weights from elsewhere, a sentence a network.
        notes: what a reader of the numbers must know, a sentence each: a term that was never there,
            a teacher worse than its student.
        data: what was read, by split and class, and what was told of it; see `dataset.summary`.
        config: the resolved config without its runtime-only keys: what makes this run this run.
        files: what it names and the run has read, by the place of the key: the `path`, the
            `sha256` of what lay there, and `below`, the parts of a folder that count.
        code: digests of the source of kdrun and of each module of a plugin that is part of it.
        weights_sha256: of student.safetensors.
        teachers: the networks from elsewhere that it began with or learnt from: the `name`, the
            `path`, `weights_sha256` and, where kdrun trained them, `identity`; where a library
            fetched them by name, that as `path`, `tensors_sha256` of their numbers but for the
            classifier's, and the hub's `revision` where it is told.
        runtime: the runtime-only keys, which change no result: workers, loggers, ...
        versions: of Python and of the libraries that matter.
        started: ISO 8601, UTC.
        finished: likewise; empty while running.
        run_dir: where it lies. Not written: `load_record` adds it, so a moved folder stays right.
    """

    schema: int
    run_id: str
    identity: str
    status: str
    error: str
    run: dict[str, Value]
    task: dict[str, Any]
    metrics: dict[str, Value]
    predicted: dict[str, int]
    transfer: dict[str, Any]
    selection: dict[str, Any]
    weights: list[str]
    notes: list[str]
    data: dict[str, Any]
    config: dict[str, Any]
    files: dict[str, dict[str, Any]]
    code: dict[str, str]
    weights_sha256: str
    teachers: list[dict[str, str]]
    runtime: dict[str, Any]
    versions: dict[str, str]
    started: str
    finished: str
    run_dir: str
