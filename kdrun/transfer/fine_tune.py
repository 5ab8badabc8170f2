"""Parameter transfer: the target's training begins with the source's weights."""

from __future__ import annotations

import logging
from typing import Literal

import torch
from torch import Tensor

from kdrun.model.features import Network
from kdrun.transfer import Source, Strategy
from kdrun.types import Loader

log = logging.getLogger(__name__)

Head = Literal["keep", "reset"]
"""What becomes of the source's classifier: its classes of the target's names, or nothing."""


class FineTune(Strategy):
    """Begin with the source's weights and train all of them on the target's labels.

    Args:
        head: `keep` the classifier's weights for classes that both domains name alike, or `reset`
            it.
    """

    def __init__(self, head: Head = "keep") -> None:
        self.head = head

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The source's model under the target's classes; see `Strategy`.

        Without a source the student is as it was built, `student.model.pretrained=true`, say.
        """
        if source is not None:
            carry_over(student, source, self.head)
        return student


@torch.no_grad()
def carry_over(student: Network, source: Source, head: Head) -> None:
    """Give a student the weights of the source's model.

    Args:
        student: of the same architecture; its classes may be others.
        source: whose model it is.
        head: what becomes of the classifier.

    Raises:
        ValueError: most of the student's parameters would not be filled.
    """
    own, given = student.state_dict(), source.model().state_dict()
    prefix = f"net.{student.head}." if student.head else None
    apart = {key for key in own if prefix and key.startswith(prefix)}
    matched = {k for k in own.keys() & given if k not in apart and own[k].shape == given[k].shape}
    for key in matched:
        own[key].copy_(given[key])
    kept = 0
    if head == "keep":
        for key in apart & given.keys():
            kept = _keep_classes(own[key], given[key], source.to_target)
    filled = sum(own[key].numel() for key in matched)
    whole = sum(own[key].numel() for key in own if key not in apart)
    log.info(
        "%d of %d tensors came from the source, %d are missing there, %d have another shape; "
        "the classifier kept %d of %d classes",
        *(len(matched), len(own) - len(apart)),
        len(own.keys() - given.keys() - apart),
        len((own.keys() & given.keys()) - matched - apart),
        *(kept, len(set(source.to_target.tolist()) - {-1})),
    )
    if whole and filled < whole / 2:
        raise ValueError(
            f"only {filled} of the student's {whole} parameters are in the source's model: "
            "it is another architecture."
        )


def _keep_classes(own: Tensor, given: Tensor, to_target: Tensor) -> int:
    """Copy the rows of classes that both know; how many."""
    shared = (to_target >= 0).nonzero().squeeze(1).to(own.device)
    if own.shape[1:] != given.shape[1:]:
        return 0
    own[to_target.to(own.device)[shared]] = given[shared]
    return len(shared)
