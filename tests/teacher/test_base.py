"""What a teacher says of itself unless it is otherwise."""

from __future__ import annotations

from torch import nn

from kdrun.teacher.base import Teacher


class Plain(Teacher):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)


def test_it_is_like_a_network() -> None:
    teacher = Plain()
    assert teacher.live
    assert teacher.size == 9
    assert teacher.on("test") is teacher
    assert teacher.facts() == {}
    teacher.keep(["features"])
    assert Teacher().size is None
