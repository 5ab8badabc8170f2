"""Born-again networks."""

from __future__ import annotations

from torch import nn

from kdrun.method.distill import Distill
from kdrun.model.features import Student
from kdrun.objective import Objective


class BornAgain(Distill):
    """Train an architecture again and again, each time from the one before.

        train generation 0 on the labels
        for k = 1, …, K:  train generation k, initialised anew, from generation k − 1

    Furlanello, Lipton, Tschannen, Itti, Anandkumar, 2018. https://arxiv.org/abs/1805.04770

    The student is generation K. Those before it are runs of their own, each trained once and
    cached, so that more generations continue fewer. With one, it is the self-training of Yuan et
    al., 2020 (Tf-KD_self).

    Args:
        student: generation K, from `Batch` to `Outputs`.
        teacher: generation K − 1, frozen.
        objective: terms between the two and the labels.
        generations: K, by which `kdrun.teacher.lineage` knows who teaches.
    """

    def __init__(
        self, student: Student, teacher: nn.Module, objective: Objective, generations: int = 3
    ) -> None:
        super().__init__(student, teacher, objective)
        self.generations = generations
