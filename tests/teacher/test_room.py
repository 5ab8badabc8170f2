"""What is kept stays below its limit."""

from __future__ import annotations

import os
from typing import Any

import pytest

from kdrun.teacher.room import Room


def test_what_was_not_used_for_longest_goes_first_and_never_what_is_in_use(tmp_path, caplog):
    caplog.set_level("INFO")
    root, size = tmp_path / "answers", 10_000
    room = Room(root, 2 * size + 5000)

    def fill(name: str) -> Any:
        file = room.enter(root / name)
        room.reserve(root / name, size)
        (root / name / "view.npy").write_bytes(bytes(size))
        return file

    old, used = fill("old"), fill("used")
    old.close()
    os.utime(root / "old" / ".used", (1, 1))
    os.utime(root / "used" / ".used", (0, 0))  # longer ago, but somebody reads it
    fill("new")
    assert sorted(p.name for p in root.iterdir() if p.is_dir()) == ["new", "used"]
    assert "answers that were not used for longest go" in caplog.text
    with pytest.raises(ValueError, match=r"19.5 KB are more than cache_limit"):
        Room(root, size).reserve(root / "used", 2 * size)
    used.close()
