"""A table of logits is read back bit for bit, and says of which sample each row is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from kdrun.dataset.digest import digests
from kdrun.predict.answers import BATCH, _ask, about, record, write
from kdrun.results.record import save_record
from kdrun.teacher.decisions import read
from kdrun.types import Arrays, Batch, Dataset, Outputs

CLASSES = ["cat", 'a,b "c"', "0"]


def logits() -> Tensor:
    """Numbers of every size, those that few digits tell apart among them."""
    numbers = torch.tensor([1.0, 1 + 2**-23, 1 / 3, -1e-30, 3e38, 0.0, 16777217.0, -7.25, 0.1])
    return numbers.view(3, 3)


def split(*ids: str) -> Arrays:
    return Arrays(torch.arange(2.0 * len(ids)).view(-1, 2), torch.arange(len(ids)), [*ids])


@pytest.mark.parametrize("kind", ["csv", "jsonl", "npz", "parquet"])
def test_what_is_written_is_read_back_bit_for_bit(tmp_path: Path, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"said.{kind}"
    columns = {"split": ["train", "val", "test"], "id": ["0", "a/1.png", "ü"], "digest": ["f"] * 3}
    write(path, columns, logits(), CLASSES)
    table = read(path)
    assert table.values is not None
    assert torch.equal(torch.from_numpy(table.values).float(), logits())
    assert (table.kind, table.classes) == ("logits", CLASSES)
    assert [table.text(name) for name in columns] == list(columns.values())
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_every_sample_of_every_split_has_a_row_with_what_tells_it_apart() -> None:
    train, test = split("b", "a"), split("a")
    columns = about(Dataset(train, None, test, CLASSES, (2,)))
    assert columns["split"] == ["train", "train", "test"]
    assert columns["id"] == ["b", "a", "a"]
    assert columns["digest"] == [*digests(train), *digests(test)]


@pytest.mark.parametrize("samples", [1, BATCH, BATCH + 1, 2 * BATCH + 1])
def test_no_batch_is_of_one_sample_unless_there_is_one_only(samples: int) -> None:
    sizes: list[int] = []

    class Says(nn.Module):
        def forward(self, batch: Batch) -> Outputs:
            sizes.append(len(batch.index))
            return Outputs(batch.input)

    own = Arrays(torch.rand(samples, 2), torch.zeros(samples).long())
    said = _ask(Says(), own, torch.device("cpu"), False)
    assert torch.equal(said, own.inputs)
    assert samples == 1 or 1 not in sizes


def test_what_cannot_be_such_a_table_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"t\.xlsx is none of \.csv, \.parquet, \.jsonl, \.npz"):
        record(str(tmp_path / "nowhere"), "t.xlsx")
    section = {"name": "diabetes", "_target_": "kdrun.dataset.diabetes.diabetes"}
    config = {"dataset": {**section, "val_fraction": 0.1, "split_seed": 0}}
    save_record(tmp_path, {"run_id": "r", "status": "ok", "config": config})
    with pytest.raises(ValueError, match="is about classes, and the task is regression"):
        record(str(tmp_path), "t.csv")
    with pytest.raises(FileNotFoundError):
        record(str(tmp_path / "nowhere"), "t.csv")
