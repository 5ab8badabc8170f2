"""The shared feature store: what a frozen network says of some data, extracted once."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from kdrun.dataset.arrays import Array
from kdrun.files.fingerprint import contents
from kdrun.loss import full
from kdrun.model.features import Network
from kdrun.model.rbf import RBF
from kdrun.results.record import atomic, write_atomic
from kdrun.sample import rows_of
from kdrun.types import Loader

log = logging.getLogger(__name__)


def features(network: Network, loader: Loader, folder: Path | None) -> Array:
    """The embeddings of a split: what enters the classifier of a frozen network.

    Of a linear network these are the inputs themselves, flattened and normalised, as they are of an
    RBF network, whose centres are to be chosen among them. They are stored under the hash of the
    network, its classifier left out, and of the data; every later run that asks for the same reads
    the file, if it still holds what was stored.

    Args:
        network: in evaluation mode while it is asked.
        loader: a split, in order.
        folder: of the store; None for none.

    Returns:
        (N, D) float32, or float64 of a network in float64; perhaps mapped from a file that must
        not be written.

    Raises:
        ValueError: a feature is not finite.
    """
    if folder is None:
        return _checked(_extract(network, loader))
    digest = _digest(network, loader)
    path = folder / "features" / f"{digest}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    # The first of a sweep's runs extracts, the others wait for it.
    with FileLock(path.with_name(f".{digest}.lock")):
        if path.exists() and (wrong := _changed(path)):
            log.warning("%s %s, so its features are extracted again", path, wrong)
            path.unlink()
        if not path.exists():
            found = _checked(_extract(network, loader))
            with atomic(path) as temporary, temporary.open("wb") as file:
                np.save(file, found)
            write_atomic(_seal(path), f"{contents([str(path)])[0]}  {path.name}\n")
            log.info("%d x %d features stored in %s", *found.shape, path)
    stored: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return stored


def _seal(path: Path) -> Path:
    """The file that holds the SHA-256 of stored features, as `sha256sum` writes it."""
    return path.with_suffix(".sha256")


def _changed(path: Path) -> str:
    """What is wrong with stored features; empty if nothing is."""
    try:
        sealed = _seal(path).read_text().split()[0]
    except (OSError, ValueError, IndexError):
        return "has no SHA-256 beside it"
    return "" if contents([str(path)])[0] == sealed else "is not what was stored"


@torch.no_grad()
def _extract(network: Network, loader: Loader) -> Array:
    was_training = network.training
    network.eval()
    raw = isinstance(network.net, RBF)
    network.keep(() if raw else ("embedding",))
    rows = []
    for batch in loader.epoch(0):
        if raw:
            found = network.normalise(rows_of(batch.input)).flatten(1)
        else:
            embedding = network(batch).embedding
            assert embedding is not None
            found = embedding
        rows.append(full(found).cpu())
    network.keep(())
    network.train(was_training)
    return torch.cat(rows).numpy()


def _checked(rows: Array) -> Array:
    wrong = np.argwhere(~np.isfinite(rows))
    if len(wrong):
        sample, feature = wrong[0]
        raise ValueError(
            f"feature {feature} of sample {sample} is {rows[sample, feature]}, and {len(wrong)} "
            "are not finite: mend the data, or the weights of the backbone."
        )
    return rows


def _digest(network: Network, loader: Loader) -> str:
    """A name for the embeddings of these data under this network, whatever its classifier."""
    found = hashlib.sha256(str(network.net).encode())

    def add(name: str, tensor: Tensor) -> None:
        whole = tensor.detach().cpu().contiguous()
        found.update(f"{name} {whole.dtype} {tuple(whole.shape)}".encode())
        found.update(whole.flatten().view(torch.uint8).numpy().data)

    apart = "" if isinstance(network.net, RBF) else f"net.{network.head}."
    for name, tensor in network.state_dict().items():
        # What `features` ignores: the classifier, and of an RBF network everything.
        if not name.startswith(apart):
            add(name, tensor)
    add("scale", network.scale)
    add("shift", network.shift)
    for batch in loader.epoch(0):
        inputs = batch.input if isinstance(batch.input, dict) else {"input": batch.input}
        for name in sorted(inputs):
            add(name, inputs[name])
    return found.hexdigest()[:16]
