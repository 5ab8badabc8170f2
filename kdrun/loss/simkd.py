"""The reused teacher classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss, full
from kdrun.loss.stages import as_map, pair, same_shape, same_size
from kdrun.model.features import Around, Network, Student
from kdrun.types import Batch, Loader, Outputs


class SimKD(Loss):
    """Match the teacher's last stage by a projection, and predict with the teacher's classifier.

        L = mean (P(S) − T)²,  P = conv1×1 · bn · relu · conv3×3 · bn · relu · conv1×1 · bn · relu

    Chen et al., 2022. https://arxiv.org/abs/2203.14001

    Published without cross-entropy. The network to train, evaluate and export is
    `deploy(student)`: in evaluation the student up to its last stage, the projection, pooling and
    the classifier, which all count among its parameters. The classifier is solved for from the
    teacher's embeddings and logits, which it relates linearly, so that any teacher will do. Where
    the teacher's embedding is not the average of its last stage (a class token, a final norm), the
    embedding itself is matched, by the projection of the student's average. P ends in a ReLU
    unless the teacher has negative values there. The larger map is averaged down.

    Args:
        factor: by which the bottleneck of P is narrower than the teacher.
    """

    needs = ("features", "embedding")
    head: Head

    def __init__(self, factor: int = 2) -> None:
        super().__init__()
        self.factor = factor

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the projection and the classifier."""
        _, t = pair(student.features, teacher.features, -1)
        pooled, embedding = t.mean((2, 3)), _embedding(teacher)
        self.pooled = pooled.shape == embedding.shape and torch.allclose(
            pooled, embedding, rtol=0.02, atol=0.02 * embedding.std().item()
        )
        s, t = same_size(*self.stages(student, teacher))
        self.head = Head(
            s.shape[1],
            t.shape[1],
            teacher.logits.shape[1],
            size=(s.shape[2], s.shape[3]),
            factor=self.factor,
            positive=bool((t >= 0).all()),
        )

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Solve for the teacher's classifier by least squares."""
        inputs: list[Tensor] = []
        logits: list[Tensor] = []
        for batch in loader.epoch(0):
            outputs = teacher(batch)
            inputs.append(_embedding(outputs).cpu().double())
            logits.append(outputs.logits.detach().cpu().double())
            # Far more equations than unknowns average out what half precision rounded.
            if sum(map(len, inputs)) >= 20 * self.head.classifier.in_features:
                break
        x, y = F.pad(torch.cat(inputs), (0, 1), value=1.0), torch.cat(logits)
        weights = torch.linalg.lstsq(x, y, rcond=1e-6, driver="gelsd").solution
        missed = ((x @ weights - y).square().sum() / y.square().sum()).item()
        if missed > 0.01:
            raise ValueError(
                "the teacher's logits are not linear in its embedding, so there is no classifier "
                f"to reuse; the best one misses {missed:.0%} of them"
            )
        self.head.classifier.weight.copy_(weights[:-1].T)
        self.head.classifier.bias.copy_(weights[-1])

    def stages(self, student: Outputs, teacher: Outputs) -> tuple[Tensor, Tensor]:
        """The student's last stage, and what its projection is to become."""
        s, t = pair(student.features, teacher.features, -1)
        return s, t if self.pooled else as_map(_embedding(teacher))

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The mean squared error of the projection."""
        s, t = self.stages(student, teacher)
        return F.mse_loss(*same_shape(self.head.project(s), t))

    def deploy(self, student: Student) -> Reused:
        """The network that predicts, around the student's own weights and the loss's."""
        return Reused(student, self.head)


class Head(nn.Module):
    """A projection to the teacher's last stage, pooling, and the teacher's classifier.

    Args:
        channels: of the student's last stage.
        teacher: channels of the teacher's.
        classes: width of the classifier.
        size: height and width to which the student's stage is averaged down.
        factor: by which the bottleneck is narrower than the teacher.
        positive: whether the projection ends in a ReLU.
    """

    def __init__(
        self,
        channels: int,
        teacher: int,
        classes: int,
        *,
        size: Sequence[int],
        factor: int,
        positive: bool,
    ) -> None:
        super().__init__()
        self.arguments = {
            "channels": channels,
            "teacher": teacher,
            "classes": classes,
            "size": list(size),
            "factor": factor,
            "positive": positive,
        }
        self.size = (size[0], size[1])
        middle = max(1, teacher // factor)
        layers: list[nn.Module] = []
        for before, after, side in (
            (channels, middle, 1),
            (middle, middle, 3),
            (middle, teacher, 1),
        ):
            layers += [
                nn.Conv2d(before, after, side, padding=side // 2, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.projection = nn.Sequential(*(layers if positive else layers[:-1]))
        self.classifier = nn.Linear(teacher, classes).requires_grad_(False)

    def project(self, stage: Tensor) -> Tensor:
        """The student's stage (N, C, H, W) as the teacher's."""
        projected: Tensor = self.projection(F.adaptive_avg_pool2d(stage, self.size))
        return projected


class Reused(Around):
    """A student that ends in a projection and the classifier of its teacher.

    In training it speaks as the student alone: `SimKD` sees to the projection, and labels, where
    they count, to the student's own classifier, as in the authors' code.

    Args:
        student: from `Batch` to `Outputs` with features.
        head: what comes after its last stage.

    Attributes:
        config: what builds it around the student again.
    """

    def __init__(self, student: Student, head: Head) -> None:
        super().__init__(student)
        self.head = head
        self.config = {"_target_": "kdrun.loss.simkd.reuse", **head.arguments}

    def forward(self, batch: Batch) -> Outputs:
        """The student's outputs, in evaluation with the head's embedding and logits."""
        outputs: Outputs = self.student(batch)
        if self.training:
            return outputs
        embedding = self.head.project(as_map(full(outputs.features[-1]))).mean((2, 3))
        return outputs._replace(logits=self.head.classifier(embedding), embedding=embedding)


def reuse(student: Network, **arguments: Any) -> Reused:
    """A `Reused` whose weights are to be loaded.

    Args:
        student: the network without its head.
        arguments: of `Head`.
    """
    student.keep(("features",))
    return Reused(student, Head(**arguments))


def _embedding(outputs: Outputs) -> Tensor:
    if outputs.embedding is None:
        raise ValueError("simkd reads the teacher's embedding; it has none")
    return full(outputs.embedding).detach()
