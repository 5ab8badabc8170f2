"""What tests of strategies share: data in two domains, and a student of their shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from kdrun.dataset.digits import read_digits
from kdrun.dataset.loader import make_loader
from kdrun.dataset.split import hold_out, select
from kdrun.model import build
from kdrun.model.features import Network
from kdrun.transfer import Source, Strategy
from kdrun.types import Arrays, Batch, Loader

Rows = NDArray[np.float32]


def logistic() -> LogisticRegression:
    """The classifier of the yamls, solved to the end so that solutions can be compared."""
    return LogisticRegression(max_iter=2000, tol=1e-7)


def student(width: int, classes: int = 10, kind: str = "linear.Linear", **kwargs: Any) -> Network:
    """A network on rows."""
    torch.manual_seed(0)
    config = {"_target_": f"kdrun.model.{kind}", **kwargs}
    return build(config, num_classes=classes, shape=(width,))


def load(rows: Any, labels: Any = None) -> Loader:
    """A loader of rows with labels, hidden ones if none are given."""
    inputs = torch.as_tensor(np.asarray(rows), dtype=torch.float32)
    targets = torch.full((len(inputs),), -1) if labels is None else torch.as_tensor(labels)
    return make_loader(Arrays(inputs, targets.long()), 64, seed=0, train=False)


def no_model() -> Network:
    """A mapping trains no network on the source."""
    raise AssertionError


def as_source(rows: Any, labels: Any, classes: int = 10) -> Source:
    """A source of rows with labels, whose classes are those of the target."""
    names = [str(number) for number in range(classes)]
    return Source(load(rows, labels), names, names, model=no_model)


class Halves:
    """The digits cut into two halves at random: two domains without any shift."""

    def __init__(self, seed: int) -> None:
        whole = read_digits()
        ours, theirs = (select(whole, half) for half in hold_out(whole.targets, 0.5, seed, "half"))
        self.source, self.source_labels = self._rows(ours), ours.targets.numpy()
        self.target, self.target_labels = self._rows(theirs), theirs.targets.numpy()

    @staticmethod
    def _rows(split: Any) -> Rows:
        rows: Rows = split.inputs.flatten(1).numpy().astype(np.float32) / 255
        return rows

    def accuracy(self, strategy: Strategy, network: Network | None = None) -> float:
        """Of what a strategy makes of the source's labels, on the target."""
        mapped = strategy(
            network or student(64), as_source(self.source, self.source_labels), load(self.target)
        )
        found = logits(mapped, self.target).argmax(1).numpy()
        return float((found == self.target_labels).mean())


@torch.no_grad()
def logits(network: Network, rows: Any) -> Tensor:
    """What a network says of some rows."""
    inputs = torch.as_tensor(np.asarray(rows), dtype=torch.float32)
    index = torch.arange(len(inputs))
    found: Tensor = network.eval()(Batch(inputs, index, index)).logits
    return found
