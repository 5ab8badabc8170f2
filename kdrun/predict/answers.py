"""A run's student asked once about every sample of its data, and its answers written down."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kdrun.dataset.digest import digests
from kdrun.dataset.loader import make_loader
from kdrun.dataset.split import sample_ids
from kdrun.device import choose_device
from kdrun.model.weights import rebuild
from kdrun.results.record import atomic, load_record
from kdrun.run.data import read_data
from kdrun.sample import rows_shape
from kdrun.teacher.decisions import PREFIXES, SUFFIXES
from kdrun.teacher.matching import splits
from kdrun.types import Dataset, Split

BATCH = 256
"""Samples at a time."""


def record(run: str, path: str, device: str = "auto", plugins: Sequence[str] = ()) -> int:
    """Write the logits of a run's student for every split of its data, as `recorded` reads them.

    Samples are asked as they are, without augmentation, in the precision and memory format in
    which the run was made: its student as a live teacher says the same, in fp32 bit for bit.

    Args:
        run: the folder of a finished run.
        path: of a .csv, .parquet, .jsonl or .npz file.
        device: as in `train.device`.
        plugins: packages that a `_target_` of the run's config may lie in.

    Returns:
        How many samples it wrote of.

    Raises:
        ValueError: the run cannot be read, or nothing can be written to such a file.
        FileNotFoundError: there is no such run, or its data are gone.
    """
    if Path(path).suffix not in SUFFIXES:
        raise ValueError(f"{path} is none of {', '.join(SUFFIXES)}")
    config = load_record(run).get("config", {})
    data = read_data(config, plugins)
    try:
        classes = data.task.decisions()
    except ValueError as error:
        raise ValueError(f"{run}: {error}") from error
    where = choose_device(device)
    network = rebuild(run, plugins).to(where).eval()
    channels_last = (
        config.get("train", {}).get("channels_last") and len(rows_shape(data.shape)) == 3
    )
    if channels_last:
        network.to(memory_format=torch.channels_last)
    logits = [_ask(network, split, where, channels_last) for split in splits(data).values()]
    said = torch.cat(logits)
    write(path, about(data), said, classes)
    return len(said)


def about(data: Dataset) -> dict[str, list[str]]:
    """The columns `split`, `id` and `digest` of a table about every sample of a dataset."""
    columns: dict[str, list[str]] = {"split": [], "id": [], "digest": []}
    for name, split in splits(data).items():
        columns["split"] += [name] * len(split)
        columns["id"] += sample_ids(split)
        columns["digest"] += digests(split)
    return columns


@torch.no_grad()
def _ask(network: torch.nn.Module, split: Split, device: torch.device, last: bool) -> Tensor:
    # A batch of one sample is computed by other kernels than one of several.
    size = BATCH - (len(split) % BATCH == 1)
    loader = make_loader(split, size, seed=0, train=False, device=device, channels_last=last)
    return torch.cat([network(batch).logits.cpu() for batch in loader.epoch(0)])


def write(
    path: str | Path, columns: dict[str, list[str]], logits: Tensor, classes: Sequence[str]
) -> None:
    """Write a table of logits that `decisions.read` gives back bit for bit.

    Args:
        path: of a .csv, .parquet, .jsonl or .npz file.
        columns: `split`, `id` and `digest`, R cells each.
        logits: (R, C), float32.
        classes: names of the C classes.

    Raises:
        ValueError: a library for this kind of file is not installed.
    """
    import pandas as pd

    path = Path(path)
    values = logits.numpy()
    names = [f"{PREFIXES['logits']}{name}" for name in classes]
    frame = pd.concat([pd.DataFrame(columns), pd.DataFrame(values, columns=names)], axis=1)
    with atomic(path) as temporary:
        if path.suffix == ".npz":
            buffer = io.BytesIO()
            texts: dict[str, Any] = {name: np.array(cells) for name, cells in columns.items()}
            np.savez(buffer, logits=values, classes=np.array(classes), **texts)
            temporary.write_bytes(buffer.getvalue())
        elif path.suffix == ".csv":
            frame.to_csv(temporary, index=False, float_format="%.9g")  # 9 digits tell float32 apart
        elif path.suffix == ".jsonl":
            wide = frame.astype(dict.fromkeys(names, float))
            wide.to_json(temporary, orient="records", lines=True, double_precision=15)
        else:
            try:
                frame.to_parquet(temporary)
            except ImportError as error:
                raise ValueError(
                    f"{path.name} needs a library for Parquet: pip install 'kdrun[parquet]'"
                ) from error
