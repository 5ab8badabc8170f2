from __future__ import annotations

import json
from pathlib import Path

import pytest

from kdrun.dataset.cells import Format
from kdrun.dataset.json_rows import read_json_rows


def read(folder: Path, content: str, written: Format | None = None):
    path = folder / "t.jsonl"
    path.write_bytes(content.encode())
    return read_json_rows(path, written)


def test_a_list_and_lines_are_the_same_rows(tmp_path: Path) -> None:
    rows = [{"text": "a\u2028b\x85c", "label": 1}, {"text": "c", "label": 2, "more": True}]
    lines = "\ufeff" + "\r\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    found = read(tmp_path, lines)
    assert found.table["text"].tolist() == ["a\u2028b\x85c", "c"]
    assert found.table["label"].tolist() == [1, 2]
    assert found.table["more"].isna().tolist() == [True, False]
    assert found.table.equals(read(tmp_path, json.dumps(rows, indent=1)).table)


def test_null_and_blank_are_missing_and_marks_only_where_they_are_said(tmp_path: Path) -> None:
    rows = [{"a": value} for value in (None, " ", float("nan"), "None", 0, "x")]
    lines = "\n".join(map(json.dumps, rows))
    assert read(tmp_path, lines).table["a"].isna().tolist() == [True] * 3 + [False] * 3
    found = read(tmp_path, lines, Format(missing=("x",)))
    assert found.table["a"].isna().tolist() == [True] * 3 + [False, False, True]
    assert dict(found.missing) == {"x": 1}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no rows"),
        ("[]", "holds no rows"),
        ('{"a": 1}\n{"a"', "line 2 is no JSON"),
        ('{"a": 1}\n3', "line 2 is no JSON object but '3'"),
        ('[{"a": 1}, 3]', "row 2 is no JSON object but '3'"),
        ('[{"a": 1}', "line 1 is no JSON"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read(tmp_path, content)
