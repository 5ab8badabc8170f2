"""Cross-image relations of pixels: in the batch, and to a memory of pixels and regions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.loss import Loss, positive
from kdrun.loss.divergence import kl
from kdrun.loss.ifvd import centres, of_pixels
from kdrun.loss.stages import pair, same_size
from kdrun.types import Batch, Outputs


class CIRKD(Loss):
    """Match to what other pixels, of all pictures, each pixel of the last stage is alike.

        L = 1/B² Σ_ab mean_i KL(p_τ(T_ab,i) ‖ p_τ(S_ab,i)) + β KL_pixels + γ KL_regions
        S_ab = s_aᵀ s_b, the cosines between the pixels of pictures a and b;  p_τ(x) = softmax(x/τ)

    Yang et al., 2022. https://arxiv.org/abs/2204.06986

    The two other parts compare, by a softmax over cosines divided by ρ, a pixel with what a memory
    holds of the teacher: for each class its latest pixels, and its latest regions, the mean of a
    class in a picture; the student's pixels get there by a trained projection. A memory starts as
    random directions and is written after the backward pass. Every map is averaged over 2×2
    windows for the memory, as in the authors' code. That remembers, and draws for a step,
    more than is kept here: 20,000 pixels and 2,000 regions of a class, and 4,096 and 1,024 of them.

    Args:
        pixel: β, weight of the memory of pixels.
        region: γ, weight of the memory of regions.
        pixels: remembered of each class.
        regions: remembered of each class.
        drawn_pixels: of each class, with which a step compares.
        drawn_regions: likewise.
        fresh: pixels of a class in a picture that enter the memory.
        temperature: τ, of the softmax over cosines within the batch.
        contrast: ρ, of that over cosines to the memory.
    """

    needs = ("features",)
    capturable = "which classes a batch has is asked of the device"
    pixel_memory: Tensor
    region_memory: Tensor
    next_pixel: Tensor
    next_region: Tensor

    def __init__(
        self,
        pixel: float = 0.1,
        region: float = 0.1,
        pixels: int = 2000,
        regions: int = 200,
        drawn_pixels: int = 256,
        drawn_regions: int = 64,
        fresh: int = 16,
        temperature: float = 1.0,
        contrast: float = 0.1,
    ) -> None:
        super().__init__()
        positive(temperature=temperature, contrast=contrast, pixels=pixels, regions=regions)
        positive(drawn_pixels=drawn_pixels, drawn_regions=drawn_regions, fresh=fresh)
        self.pixel = pixel
        self.region = region
        self.sizes = {"pixel": pixels, "region": regions}
        self.drawn = {"pixel": min(drawn_pixels, pixels), "region": min(drawn_regions, regions)}
        self.fresh = fresh
        self.temperature = temperature
        self.contrast = contrast
        self._seen: list[tuple[Tensor, Tensor]] = []

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Size the projection and the memories.

        Raises:
            ValueError: the labels are not of pixels.
        """
        s, t = same_size(*pair(student.features, teacher.features, -1))
        of_pixels(targets[:1], s.shape[2:])
        width, classes = t.shape[1], int(targets.max()) + 1
        self.project = nn.Sequential(
            nn.Conv2d(s.shape[1], width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 1, bias=False),
        )
        for name, size in self.sizes.items():
            memory = F.normalize(torch.randn(classes, size, width), dim=2)
            self.register_buffer(f"{name}_memory", memory)
            self.register_buffer(f"next_{name}", torch.zeros(classes, dtype=torch.long))

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The three parts; in training, remembers the batch."""
        s, t = same_size(*pair(student.features, teacher.features, -1))
        loss = self._within(s, t)
        s, t = (F.avg_pool2d(x, 2, ceil_mode=True) for x in (s, t))
        target = of_pixels(batch.target, s.shape[2:])
        ours, theirs = F.normalize(self.project(s), dim=1), F.normalize(t, dim=1)
        known = target.flatten() >= 0
        mine, given = (x.flatten(2).transpose(1, 2).flatten(0, 1) for x in (ours, theirs))
        for name, weight in (("pixel", self.pixel), ("region", self.region)):
            keys = self._draw(name)
            log_q, log_p = ((x @ keys.T / self.contrast).log_softmax(1) for x in (mine, given))
            apart = torch.where(known, kl(log_p, log_q), 0).sum() / known.sum().clamp(min=1)
            loss = loss + weight * apart
        if self.training:
            self._seen.append((theirs, target))
        return loss

    def _within(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Between the pixels of all pictures of a batch."""
        s, t = (F.normalize(x.flatten(2), dim=1) for x in (student, teacher))
        total = s.new_zeros(())
        for a in range(len(s)):
            for b in range(len(s)):
                log_q, log_p = ((x[a].T @ x[b] / self.temperature).log_softmax(1) for x in (s, t))
                total = total + kl(log_p, log_q).mean()
        return total / len(s) ** 2

    def _draw(self, name: str) -> Tensor:
        """(classes · drawn, D): the same places of every class's memory."""
        memory: Tensor = getattr(self, f"{name}_memory")
        places = torch.randperm(memory.shape[1], device=memory.device)[: self.drawn[name]]
        return memory[:, places].flatten(0, 1)

    @torch.no_grad()
    def remember(self) -> None:
        """Write the teacher's pixels and regions over the oldest ones of their classes."""
        for features, target in self._seen:
            regions, counts = centres(features, target, len(self.pixel_memory))
            for picture, present in enumerate(counts > 0):
                flat, labels = features[picture].flatten(1).T, target[picture].flatten()
                for label in present.nonzero().flatten().tolist():
                    own = (labels == label).nonzero().flatten()
                    chosen = own[torch.randperm(len(own), device=own.device)[: self.fresh]]
                    self._write("pixel", label, flat[chosen])
                    self._write("region", label, regions[picture, :, label][None])
        self._seen.clear()

    def _write(self, name: str, label: int, rows: Tensor) -> None:
        memory, pointer = getattr(self, f"{name}_memory"), getattr(self, f"next_{name}")
        rows = rows[: memory.shape[1]]
        places = pointer[label] + torch.arange(len(rows), device=rows.device)
        memory[label, places % memory.shape[1]] = F.normalize(rows, dim=1)
        pointer[label] = (pointer[label] + len(rows)) % memory.shape[1]
