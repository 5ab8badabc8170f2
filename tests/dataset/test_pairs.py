"""Prompts and completions as a dataset: what counts, how it is cut, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.dataset.bpe import decoded
from kdrun.dataset.layout import completions
from kdrun.dataset.new import prompts
from kdrun.dataset.pairs import pairs
from kdrun.types import Arrays, Dataset

pytest.importorskip("tokenizers")

ROWS = [(f"what is {n}?", f"it is {n} and no more") for n in range(60)]


def written(path: Path, rows: list[tuple[str, str]]) -> str:
    objects = (json.dumps({"prompt": p, "completion": c}) for p, c in rows)
    path.write_text("\n".join(objects))
    return str(path)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("pairs") / "pairs.jsonl", ROWS)


def read(file: str, **settings: Any) -> Dataset:
    return pairs(file, **{"vocabulary": 280, **settings})


def parts(data: Dataset) -> dict[str, Arrays]:
    found = {"train": data.train, "val": data.val, "test": data.test}
    return {name: part for name, part in found.items() if isinstance(part, Arrays)}


@pytest.mark.parametrize("form", ["joined", "apart"])
def test_what_counts_are_the_completions_and_their_ends(file: str, form: str) -> None:
    data = read(file, form=form)
    task: Any = data.task
    assert (task.prompted, task.end) == (True, 0)
    found = []
    for split in parts(data).values():
        for tokens in completions(split.targets):
            assert tokens.count(task.end) == 1 == tokens[-1:].count(task.end)
            found.append(tokens)
        assert {name: tuple(v.shape[1:]) for name, v in split.inputs.items()} == data.shape  # type: ignore[union-attr]
    assert sorted(decoded(task.tokenizer, found)) == sorted(text for _, text in ROWS)
    assert task.most == max(map(len, completions(data.train.targets)))
    sizes = {name: len(split) for name, split in parts(data).items()}
    assert sizes == {"train": 49, "val": 5, "test": 6}


def test_pairs_of_one_prompt_stay_together(tmp_path: Path) -> None:
    rows = [(f"prompt {n % 20}", f"answer {n}") for n in range(60)]
    data = read(written(tmp_path / "p.jsonl", rows))
    seen = []
    for split in parts(data).values():
        ids, target = split.inputs["input_ids"], split.targets  # type: ignore[index]
        first = (target >= 0).long().argmax(1)
        seen.append({tuple(row[:n].tolist()) for row, n in zip(ids, first, strict=True)})
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert len(set.union(*seen)) == 20


def test_the_tokens_are_those_of_a_given_tokenizer(file: str, tmp_path: Path) -> None:
    data = read(file)
    (tmp_path / "tokenizer.json").write_text(str(data.task.tokenizer))  # type: ignore[attr-defined]
    again = read(file, tokenizer=str(tmp_path), vocabulary=999)
    assert torch.equal(again.train.targets, data.train.targets)


def test_what_is_too_long_is_refused_or_left_out_and_told(file: str, tmp_path: Path) -> None:
    noise = ["".join(chr(33 + n * n * k % 90) for n in range(400)) for k in (7, 11)]
    rows = [*ROWS, *((text, "y") for text in noise)]
    path = written(tmp_path / "long.jsonl", rows)
    settings = {"val_fraction": 0, "test_fraction": 0.5}
    with pytest.raises(ValueError, match=r"longer than dataset.length=40, .*dataset.too_long=drop"):
        read(path, length=40, **settings)
    data = read(path, length=40, too_long="drop", **settings)
    assert sum(map(len, parts(data).values())) == 60
    assert any("left out" in note for note in data.notes)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"length": 1}, "2 tokens or more"),
        ({"form": "beside"}, "dataset.form=beside: give joined or apart"),
        ({"too_long": "cut"}, "give refuse or drop"),
        ({"form": "apart", "separator": "->"}, "dataset.separator stands in one text"),
        ({"start": "<pad>"}, "dataset.start is of a decoder"),
        ({"form": "apart", "start": "<pad>"}, "dataset.start=<pad> is no token"),
        ({"separator": ""}, "comes to no token"),
    ],
)
def test_settings_that_say_nothing(file: str, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read(file, **settings)


def test_a_file_of_one_line_and_a_tokenizer_without_an_end(file: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 pairs to train on: give 3 or more"):
        read(written(tmp_path / "one.jsonl", ROWS[:1]))
    from tokenizers import Tokenizer, models

    Tokenizer(models.WordLevel({"what": 0, "?": 1}, "?")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="no token for an end"):
        read(file, tokenizer=str(tmp_path))


def test_new_prompts_are_read_as_those_of_training_were(file: str, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("what is 3?\nwhat is 14?\n")
    for form in ("joined", "apart"):
        data = read(file, form=form)
        reader = dict(data.reader or {})
        assert reader.pop("_target_") == "kdrun.dataset.new.prompts"
        found = prompts(str(tmp_path / "new.txt"), **reader)
        given: Any = found.inputs
        size = int(given["attention_mask"][0].sum())
        splits: Any = parts(data).values()
        rows = [row[:size].tolist() for one in splits for row in one.inputs["input_ids"]]
        assert given["input_ids"][0, :size].tolist() in rows
        assert (found.targets == -1).all()
        with pytest.raises(ValueError, match=r"row 1 takes .* and the model reads 3: cut it"):
            prompts(str(tmp_path / "new.txt"), **{**reader, "length": 3})
