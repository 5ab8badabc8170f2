"""Teacher assistants."""

from __future__ import annotations

from kdrun.method.distill import Distill


class Assistant(Distill):
    """Let a network of a size between learn from the teacher, and teach the student.

        train the teacher on the labels
        train the assistant from the teacher
        train the student from the assistant

    Mirzadeh, Farajtabar, Li, Levine, Matsukawa, Ghasemzadeh, 2020.
    https://arxiv.org/abs/1902.03393

    The assistant is a run of its own with the same loss, trained once and cached. Of a chain of
    them, each further one is the `teacher` of the one before in `method.assistant`
    (`kdrun.teacher.lineage`).
    """
