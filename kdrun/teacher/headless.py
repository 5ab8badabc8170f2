"""A teacher of which only features are asked."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from kdrun.teacher.base import Teacher
from kdrun.teacher.classes import UNKNOWN
from kdrun.types import Batch, Outputs


class Headless(Teacher):
    """A network without its classifier: it has an embedding and stages, and knows no class.

    So it may come from other classes than the data's, or from none at all. It is not held against
    labels, nor its student against it: there is nothing that either could agree about.

    Args:
        network: from `Batch` to `Outputs`, whose logits nobody is to read.
        width: of the logits that the task wants; each is `UNKNOWN`.
    """

    def __init__(self, network: nn.Module, width: int) -> None:
        super().__init__()
        self.network, self.width = network, width

    def keep(self, fields: Iterable[str]) -> None:
        """As the network's."""
        if isinstance(self.network, Teacher):
            self.network.keep(fields)

    def on(self, split: str) -> None:
        """Nothing to be scored by."""

    def forward(self, batch: Batch) -> Outputs:
        """The network's outputs, with no class known."""
        outputs: Outputs = self.network(batch)
        size = (len(outputs.logits), self.width, *outputs.logits.shape[2:])
        return outputs._replace(logits=outputs.logits.new_full(size, UNKNOWN))
