"""The weights with which a student begins: what came from the source, and what did not."""

from __future__ import annotations

import hashlib
import logging
from typing import Any, Literal

import torch
from torch import Tensor

from kdrun.model.features import Network
from kdrun.transfer import Source
from kdrun.transfer.affine import head_of

log = logging.getLogger(__name__)

Head = Literal["keep", "reset"]
"""What becomes of the source's classifier: its classes of the target's names, or nothing."""

LEAST = 0.5
"""Share of the backbone's numbers that the source has to fill: below, it is another network."""


def carry_over(student: Network, source: Source, head: Head) -> dict[str, Any]:
    """Give a student the weights of the source's model.

    In regression a classifier is one value, and is kept whole, in the target's units.

    Args:
        student: of the same architecture; its classes may be others.
        source: whose model it is.
        head: what becomes of the classifier.

    Returns:
        The report of record.json: how many tensors of the backbone `matched`, the names of those
        that are `missing` in the source, `mismatched` in shape or `unused` there, and how many of
        the target's `classes` were `classes_kept`.

    Raises:
        ValueError: most of the student's backbone would not be filled.
    """
    model = source.model()
    own, given = student.state_dict(), model.state_dict()
    prefix = f"net.{student.head}." if student.head else None
    apart = {key for key in own if prefix and key.startswith(prefix)}
    backbone, both = own.keys() - apart, own.keys() & given.keys()
    matched = {key for key in backbone & both if own[key].shape == given[key].shape}
    kept = 0
    with torch.no_grad():  # from here on: the model may have been trained just now
        for key in matched:
            own[key].copy_(given[key])
        if head == "keep" and source.wanted:
            for key in apart & both:
                kept = _keep_classes(own[key], given[key], source.to_target)
        elif head == "keep":
            _keep_value(student, model)
    report = {
        "matched": len(matched),
        "missing": sorted(backbone - given.keys()),
        "mismatched": sorted((backbone & both) - matched),
        "unused": sorted(given.keys() - own.keys()),
        "classes": len(source.wanted),
        "classes_kept": kept,
    }
    _tell(report, head)
    filled = sum(own[key].numel() for key in matched)
    whole = sum(own[key].numel() for key in backbone)
    if whole and filled < LEAST * whole:
        raise ValueError(
            f"only {filled} of the {whole} numbers of the student's backbone are in the source's "
            f"model, less than {LEAST:.0%}: it is another architecture; set "
            "source_model.checkpoint to a run of this student, or to null."
        )
    return report


def _tell(report: dict[str, Any], head: Head) -> None:
    """The report for people who read along."""
    log.info("%d tensors of the backbone came from the source", report["matched"])
    for what in ("missing", "mismatched", "unused"):
        if names := report[what]:
            log.warning("%d tensors are %s, such as %s", len(names), what, names[0])
    kept, classes = report["classes_kept"], report["classes"]
    if head == "reset":
        log.info("the classifier is a new one")
    elif classes and not kept:
        log.info("the source has none of the %d classes: the classifier is a new one", classes)
    elif classes:
        log.info("the classifier kept %d of %d classes", kept, classes)


def _keep_classes(own: Tensor, given: Tensor, to_target: Tensor) -> int:
    """Copy the rows of classes that both know; how many."""
    shared = (to_target >= 0).nonzero().squeeze(1).to(own.device)
    if own.shape[1:] != given.shape[1:]:
        return 0
    own[to_target.to(own.device)[shared]] = given[shared]
    return len(shared)


def _keep_value(student: Network, model: Network) -> None:
    """Answer with the values of the source's model, of other mean and deviation though they are."""
    mean, deviation = student.unit
    its_mean, its_deviation = model.unit
    own, given = head_of(student), head_of(model)
    own.weight.copy_(given.weight * (its_deviation / deviation))
    own.bias.copy_((given.bias * its_deviation + its_mean - mean) / deviation)


def fingerprint(network: Network) -> str:
    """A name for the weights of a network: two that are the same number for number share it."""
    found = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        whole = tensor.detach().cpu().contiguous()
        found.update(f"{name} {whole.dtype} {tuple(whole.shape)}".encode())
        found.update(whole.flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()[:16]
