"""FitNets: hints from the middle of the teacher."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss
from kdrun.loss.stages import pair, regressor, same_shape
from kdrun.types import Batch, Outputs


class FitNets(Loss):
    """Match one stage of the teacher by a regression from the student's.

        L = mean (r(S) − T)²,  r = relu(bn(conv(S)))

    Romero et al., 2015. https://arxiv.org/abs/1412.6550

    The paper trains up to the hint first and then distils; published tables (RepDistiller,
    mdistiller) add the hint to the cross-entropy, with the second stage after the stem. Their
    regressor ends in a ReLU, which cannot reach a teacher's negative values: `relu=false` for
    stages that do not end in one, such as a transformer's.

    Args:
        stage: place of the pair of stages, 0 the shallowest, -1 the deepest.
        relu: whether the regressor ends in a ReLU.
    """

    needs = ("features",)
    regressor: nn.Module

    def __init__(self, stage: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.stage = stage
        self.relu = relu

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the regressor."""
        self.regressor = regressor(*pair(student.features, teacher.features, self.stage))

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The mean squared error of the regression."""
        s, t = pair(student.features, teacher.features, self.stage)
        s = self.regressor(s)
        return F.mse_loss(*same_shape(s.relu() if self.relu else s, t))
