"""Stacking: the student's input is the teacher's output."""

from __future__ import annotations

from kdrun.method.distill import Distill


class Stacked(Distill):
    """Train a student on what a teacher says of a sample, not on the sample.

        train the teacher
        for each batch: q = softmax(teacher(x));  step the student down its losses for f(q)

    Wolpert, 1992, Stacked generalization. What is evaluated, saved and used is both together: a
    correction of the teacher, for a domain that it was not trained in, say.

    Args:
        student: a `Stack`, from `Batch` to `Outputs`.
        teacher: the network in it, frozen.
        objective: terms between the two and the labels.
    """

    reads_answers = True
