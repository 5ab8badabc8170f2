"""What a student's embedding knows of the classes of some data, whatever it was trained for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from kdrun.dataset.digest import digest
from kdrun.dataset.loader import make_loader
from kdrun.dataset.split import select
from kdrun.evaluate.reads import Reads, in_shape
from kdrun.evaluate.scored import Line, who
from kdrun.model.features import Student
from kdrun.score.intervals import wilson
from kdrun.score.probe import METRICS, embedded, linear, nearest
from kdrun.score.retrieval import metrics as recall_metrics
from kdrun.score.retrieval import ranks, recalls
from kdrun.types import Dataset, Split


def probed(
    run: str,
    network: Student,
    data: Dataset,
    reads: Reads,
    name: str,
    batch_size: int,
    device: torch.device,
    tell: Callable[[str], None],
) -> Line:
    """Neighbours and a linear probe on a test split, and whether its samples find their like.

    Recall at k is of the test split alone: each sample looks for another of its class.

    Args:
        run: its folder or file.
        network: from `Batch` to `Outputs`.
        data: whose training split has labels, in classes of its own.
        reads: what the student reads.
        name: the data, as they were typed.
        batch_size: samples at a time.
        device: where the network is.
        tell: what is done with a sentence about the data.

    Raises:
        ValueError: the data have no classes, or no label in training; the student has no embedding.
    """
    if not data.task.classifies:
        raise ValueError(f"--probe is of classes, and the data are for {data.task.name}")

    def asked(split: Split, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        known = data.task.known(split.targets).nonzero().squeeze(1)
        if not len(known):
            raise ValueError(
                f"no {part} sample has a label, and a probe learns from them: name the data with "
                "labels, dataset=NAME dataset.labels=all"
            )
        kept = in_shape(select(split, known), reads)
        loader = make_loader(kept, batch_size, seed=0, train=False, device=device, task=data.task)
        return embedded(network, loader)

    train, labels = asked(data.train, "training")
    test, wanted = asked(data.test, "test")
    tell(f"probed with {len(train):,} labelled training embeddings of {train.shape[1]} numbers")
    answers = {
        "knn_accuracy": nearest(train, labels, test, len(data.classes)),
        "probe_accuracy": linear(train, labels, test, tell),
    }
    metrics = {key: float((said == wanted).double().mean()) for key, said in answers.items()}
    ends = {key: wilson(value, len(wanted)) for key, value in metrics.items()}
    if len(found := ranks(test, wanted, test, wanted)):
        metrics |= (own := recalls("recall", found))
        ends |= {key: wilson(value, len(found)) for key, value in own.items()}
    kinds = (*METRICS, *recall_metrics("recall", "one of its class is among"))
    plain = replace(data.test, task=None)
    told = (*who(run), f"{name} --probe")
    return Line(*told, "", len(wanted), digest(plain), metrics, ends, kinds)
