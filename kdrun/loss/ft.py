"""Factor transfer."""

from __future__ import annotations

import logging
import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss, full
from kdrun.loss.stages import as_map, need_space, pair, same_shape
from kdrun.types import Batch, Loader, Outputs

log = logging.getLogger(__name__)


class FT(Loss):
    """Match factors into which an autoencoder compressed the teacher's last stage beforehand.

        L = mean |f(translator(S)) − f(paraphraser(T))|,  f(F) = vec(mean_c F²) / ‖vec(mean_c F²)‖

    Kim, Park, Kwak, 2018. https://arxiv.org/abs/1802.04977

    The paper normalises the factors as they are, without the mean over channels, with weight 500:
    `collapse=false`. Published tables come from RepDistiller's f, with weight 200. The larger
    factors are averaged down to the smaller.

    Args:
        rate: width of the factors, as a fraction of the teacher's.
        collapse: whether channels are averaged before factors are compared.
        epochs: for which the paraphraser is trained, by SGD.
        lr: its learning rate.
    """

    needs = ("features",)
    paraphraser: nn.Module
    decoder: nn.Module
    translator: nn.Module

    def __init__(
        self, rate: float = 0.5, collapse: bool = True, epochs: int = 30, lr: float = 0.01
    ) -> None:
        super().__init__()
        self.rate = rate
        self.collapse = collapse
        self.epochs = epochs
        self.lr = lr

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the autoencoder and the translator; only the latter trains with the student."""
        s, t = pair(student.features, teacher.features, -1)
        if self.collapse:
            need_space([s], [t])
        s_width, t_width = s.shape[1], t.shape[1]
        width = max(1, int(self.rate * t_width))
        self.paraphraser = _layers(nn.Conv2d, [t_width, t_width, width, width])
        self.decoder = _layers(nn.ConvTranspose2d, [width, width, t_width, t_width])
        self.translator = _layers(nn.Conv2d, [s_width, s_width, width, width], norm=True)
        self.paraphraser.requires_grad_(False)
        self.decoder.requires_grad_(False)

    def prepare(self, teacher: nn.Module, loader: Loader) -> None:
        """Train the paraphraser to rebuild the teacher's last stage from its factors."""
        autoencoder = nn.Sequential(self.paraphraser, self.decoder).requires_grad_(True)
        optimizer = torch.optim.SGD(
            autoencoder.parameters(), lr=self.lr, momentum=0.9, weight_decay=5e-4
        )
        for epoch in range(self.epochs):
            errors = []
            for batch in loader.epoch(epoch):
                t = as_map(full(teacher(batch).features[-1])).detach()
                error = F.mse_loss(autoencoder(t), t)
                optimizer.zero_grad()
                error.backward()
                optimizer.step()
                errors.append(error.detach())
            mean = torch.stack(errors).mean().item()
            if not math.isfinite(mean):
                raise ValueError(f"the paraphraser diverges with lr={self.lr}; take a smaller one")
            log.info("paraphraser of ft: epoch %d/%d  error %.4g", epoch + 1, self.epochs, mean)
        optimizer.zero_grad()
        autoencoder.requires_grad_(False)

    def factor(self, x: Tensor) -> Tensor:
        """(N, K): a factor with norm 1."""
        return F.normalize((x.square().mean(1) if self.collapse else x).flatten(1), dim=1)

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The mean absolute difference of the factors."""
        s, t = pair(student.features, teacher.features, -1)
        s, t = same_shape(self.translator(s), self.paraphraser(t))
        return (self.factor(s) - self.factor(t)).abs().mean()


def _layers(conv: type[nn.Module], widths: list[int], norm: bool = False) -> nn.Sequential:
    """3×3 convolutions with leaky ReLU, and with batch norm if asked."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [conv(before, after, 3, padding=1)]
        layers += [nn.BatchNorm2d(after)] if norm else []
        layers += [nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers)
