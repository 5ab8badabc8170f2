"""L2-SP: stay near the starting point."""

from __future__ import annotations

from torch import Tensor, nn

from kdrun.model.features import Student
from kdrun.transfer.adaptation import Term
from kdrun.types import Batch, Loader, Outputs


class L2SP(Term):
    """Keep the weights near those that they began with, not near zero.

        α/2 ‖w − w⁰‖² + β/2 ‖v‖²

    w are the parameters of the backbone, those of batch norm among them, w⁰ what the source gave,
    and v the classifier. It stands in for weight decay, which would pull the other way. Li,
    Grandvalet, Davoine, ICML 2018. https://arxiv.org/abs/1802.01483

    Args:
        alpha: α.
        beta: β.
    """

    paired = False

    def __init__(self, alpha: float, beta: float) -> None:
        super().__init__()
        self.alpha, self.beta = alpha, beta
        # Pairs, so that the student's parameters do not become those of the term.
        self._backbone: list[tuple[nn.Parameter, Tensor]] = []
        self._head: list[tuple[nn.Parameter]] = []

    def bind(self, student: Student, loader: Loader) -> None:
        """Remember the weights that there are now."""
        network = student.inner
        own = network.net.get_submodule(network.head).parameters() if network.head else ()
        self._head = [(parameter,) for parameter in own]
        apart = {id(parameter) for (parameter,) in self._head}
        self._backbone = [
            (parameter, parameter.detach().clone())
            for parameter in network.parameters()
            if id(parameter) not in apart
        ]

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The penalty; the outputs are not read."""
        total = student.logits.new_zeros(())
        for parameter, origin in self._backbone:
            total = total + self.alpha / 2 * (parameter - origin).square().sum()
        for (parameter,) in self._head:
            total = total + self.beta / 2 * parameter.square().sum()
        return total
