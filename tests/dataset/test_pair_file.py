"""Files of prompts and completions, and what is wrong with them in one line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from kdrun.dataset.pair_file import read_pairs

ROWS = [("who?", "me"), ("a\tb, c", 'say "d"'), ("größer", "¿qué?")]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "jsonl.gz"])
def test_a_table_or_json_of_two_columns(tmp_path: Path, kind: str) -> None:
    import csv

    file = tmp_path / f"pairs.{kind}"
    if "json" in kind:
        objects = [json.dumps({"prompt": p, "completion": c, "other": 1}) for p, c in ROWS]
        text = "\n".join(objects).encode()
        file.write_bytes(gzip.compress(text) if kind.endswith("gz") else text)
    else:
        with file.open("w", newline="") as opened:
            writer = csv.writer(opened, delimiter="\t" if kind == "tsv" else ",")
            writer.writerows([("prompt", "completion"), *ROWS])
    found = read_pairs(str(file), "prompt", "completion")
    assert list(found) == ["train"]
    assert list(zip(found["train"].prompts, found["train"].completions, strict=True)) == ROWS
    assert found["train"].names[1] == f"{file}, row 2"


def folder(place: Path, **files: list[str]) -> Path:
    for name, lines in files.items():
        file = place / f"{name.replace('__', '.')}.gz"
        file.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return place


def test_a_folder_of_parallel_lines(tmp_path: Path) -> None:
    folder(tmp_path, train__en=["a", "b"], train__de=["A", "B"], val__en=["c"], val__de=["C"])
    folder(tmp_path, test_2016_flickr__en=["d"], test_2016_flickr__de=["D"])
    found = read_pairs(str(tmp_path), "en", "de")
    assert {name: (one.prompts, one.completions) for name, one in found.items()} == {
        "train": (["a", "b"], ["A", "B"]),
        "val": (["c"], ["C"]),
        "test": (["d"], ["D"]),
    }


def test_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no train\.en and train\.de"):
        read_pairs(str(folder(tmp_path, train__en=["a"])), "en", "de")
    folder(tmp_path, train__de=["A", "B"])
    with pytest.raises(ValueError, match=r"has 1 lines and .* 2: line for line"):
        read_pairs(str(tmp_path), "en", "de")
    with pytest.raises(FileNotFoundError, match=r"allowed: de, en|did you mean"):
        read_pairs(str(tmp_path), "en", "fr")
    folder(tmp_path, train_more__en=["b"])
    with pytest.raises(ValueError, match="leave one of them"):
        read_pairs(str(tmp_path), "en", "de")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"prompt,completion\nwho?,me\nwhy?,\n", "row 2: the completion is empty"),
        (b"prompt,completion\n  ,me\nwhy?,so\n", "row 1: the prompt is empty"),
        (b"prompt,completion\nwho?,m\xc3\n", "line 2 is not utf-8: byte 0xc3"),
        (b"prompt,answer\nwho?,me\n", "no column 'completion'"),
        (b"prompt,completion\n", "no rows"),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path: Path, text: bytes, told: str) -> None:
    file = tmp_path / "pairs.csv"
    file.write_bytes(text)
    with pytest.raises(ValueError, match=told) as caught:
        read_pairs(str(file), "prompt", "completion")
    assert "\n" not in str(caught.value)
