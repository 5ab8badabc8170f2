"""Parameter transfer: the target's training begins with the source's weights."""

from __future__ import annotations

import logging
from typing import Any

from torch.nn.modules.batchnorm import _BatchNorm

from kdrun.loss.weight import Weight
from kdrun.model.features import Network, Student
from kdrun.objective import Objective
from kdrun.results.table import Row
from kdrun.transfer import Measure, Source, Strategy
from kdrun.transfer.l2_sp import L2SP
from kdrun.transfer.layers import layers
from kdrun.transfer.start import Head, carry_over
from kdrun.types import Loader

log = logging.getLogger(__name__)


class FineTune(Strategy):
    """Begin with the source's weights and train them on the target's labels.

    Args:
        head: `keep` the classifier's weights for classes that both domains name alike, or `reset`
            it.
        layer_decay: the learning rate of a layer is that of the layer above times this; ULMFiT's
            1 / 2.6, for example. Howard, Ruder, ACL 2018. https://arxiv.org/abs/1801.06146
        unfreeze: epochs between the thawing of one layer and of the one below, from the
            classifier down (ULMFiT's gradual unfreezing); 0 to train all of them at once.
        l2_sp: α of L2-SP, the pull of the backbone towards the source's weights. Where there is
            one, the optimizer's weight decay is off for the student.
        l2_sp_head: β of L2-SP, the pull of the classifier towards zero.
        freeze_statistics: let batch norm go on with the running statistics that it begins with,
            instead of those of each batch.

    Raises:
        ValueError: an option is out of range.
    """

    def __init__(
        self,
        head: Head = "keep",
        layer_decay: float = 1.0,
        unfreeze: int = 0,
        l2_sp: float = 0.0,
        l2_sp_head: float = 0.0,
        freeze_statistics: bool = False,
    ) -> None:
        if not 0 < layer_decay <= 1:
            raise ValueError(f"transfer.layer_decay={layer_decay}: give more than 0, at most 1.")
        for key, value in (("unfreeze", unfreeze), ("l2_sp", l2_sp), ("l2_sp_head", l2_sp_head)):
            if value < 0:
                raise ValueError(f"transfer.{key}={value}: give 0 or more.")
        self.head, self.layer_decay, self.unfreeze = head, layer_decay, unfreeze
        self.freeze_statistics = freeze_statistics
        if l2_sp or l2_sp_head:
            self.adaptation = Objective({"l2_sp": L2SP(l2_sp, l2_sp_head)}, {"l2_sp": Weight(1.0)})
        self._frozen: list[str] = []

    def __call__(self, student: Network, source: Source | None, loader: Loader) -> Network:
        """The source's model under the target's classes; see `Strategy`.

        Without a source the student is as it was built, `student.model.pretrained=true`, say.
        """
        if source is not None:
            self.report = carry_over(student, source, self.head)
        return student

    def groups(self, student: Network, lr: float) -> list[dict[str, Any]]:
        """A group for each layer, the classifier's first; lr · layer_decay^k, k layers below it."""
        plain: dict[str, Any] = {}
        if self.adaptation is not None:
            log.info("L2-SP stands in for weight decay: that of the optimizer is off")
            plain = {"weight_decay": 0.0}
        if self.layer_decay == 1:
            return [{**group, **plain} for group in super().groups(student, lr)]
        found: list[dict[str, Any]] = []
        taken: set[int] = set()
        for depth, layer in enumerate(reversed(layers(student))):
            own = [p for p in layer.parameters() if p.requires_grad and id(p) not in taken]
            taken |= {id(p) for p in own}  # one that two layers share belongs to the upper one
            if own:
                found.append({"params": own, "lr": lr * self.layer_decay**depth, **plain})
        return found

    def begin_epoch(self, student: Student, epoch: int) -> None:
        """Freeze what is not yet to be trained, the statistics of its batch norm included."""
        if self.freeze_statistics:
            for module in student.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        if not self.unfreeze:
            return
        found = layers(student.inner)
        below = max(0, len(found) - 1 - epoch // self.unfreeze)
        for depth, layer in enumerate(found):
            layer.freeze(depth < below)
        frozen = [layer.name for layer in found[:below]]
        if frozen != self._frozen:
            log.info("epoch %d: frozen are %s", epoch + 1, ", ".join(frozen) or "no layers")
        self._frozen = frozen

    def finish(self, student: Student, measure: Measure) -> list[Row]:
        """Say so if some layers were never trained."""
        if self._frozen:
            log.warning(
                "%s never trained: raise train.epochs, or lower transfer.unfreeze",
                ", ".join(self._frozen),
            )
        return []
