"""`kdrun du`: sizes by what things are."""

from __future__ import annotations

from pathlib import Path

from kdrun.storage import du
from kdrun.storage.find import found


def test_du_tells_each_kind_with_its_size(house: Path, capsys) -> None:
    assert du.main([]) == 0
    out = capsys.readouterr().out
    lines = {line.split("  ")[-1].split(":")[0].strip(): line for line in out.splitlines()}
    assert "5.0 kB" in lines["checkpoints of finished runs"]
    assert "5.0 kB" in lines["checkpoints kept by train.keep_checkpoint"]
    assert "folders of runs that never began" in lines
    assert all(len(line) <= 80 for line in out.splitlines())
    total = sum(item.size for item in found(Path("outputs")))
    assert f"{du.volume(total)} " in lines["in all"]


def test_sizes_as_people_say_them() -> None:
    told = [du.volume(size) for size in (0, 999, 1000, 999_600, 12_345_678, 5 * 10**15)]
    assert told == ["0 B", "999 B", "1.0 kB", "1.0 MB", "12 MB", "5000 TB"]
