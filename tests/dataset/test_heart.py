from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
import torch

from kdrun.dataset.domains import rows
from kdrun.dataset.heart import heart
from kdrun.types import Dataset

SHARES = {"cleveland": 0.46, "hungarian": 0.36, "switzerland": 0.93, "va": 0.74}


def every(data: Dataset) -> torch.Tensor:
    return torch.cat([data.train.targets, data.test.targets])


def test_the_four_hospitals_differ_in_how_many_are_sick(real_data: Path) -> None:
    for name, share in SHARES.items():
        data = heart(str(real_data / "heart_disease"), None, name, val_fraction=0)
        assert float(every(data).float().mean()) == pytest.approx(share, abs=0.01)
        assert data.classes == ["healthy", "sick"]
        assert len(data.columns) == data.shape[0]
        assert {"age", "cp_4.0"} <= set(data.columns)


@pytest.mark.parametrize(("source", "target"), list(permutations(SHARES, 2)))
def test_every_pair_is_finite_and_of_one_shape(real_data: Path, source: str, target: str) -> None:
    data = heart(str(real_data / "heart_disease"), source, target, labels="none")
    assert data.source is not None
    assert data.shape == data.source.shape
    assert 10 < data.shape[0] < 40
    for split in (data.train, data.test, data.source.train, data.source.test):
        assert bool(rows(split).isfinite().all())


def test_hospitals_can_be_joined(real_data: Path) -> None:
    root = str(real_data / "heart_disease")
    data = heart(root, "cleveland+va", "hungarian", val_fraction=0)
    assert data.source is not None
    assert len(every(data.source)) == 303 + 200
    with pytest.raises(ValueError, match="both va"):
        heart(root, "cleveland+va", "va")


def test_another_target_changes_nothing_of_the_source(real_data: Path) -> None:
    root = str(real_data / "heart_disease")
    one, other = heart(root, "va", "cleveland").source, heart(root, "va", "hungarian").source
    assert one is not None
    assert other is not None
    assert torch.equal(rows(one.train), rows(other.train))


def test_missing_files_and_columns_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"processed\.NAME\.data"):
        heart(str(tmp_path))
    for name in ("cleveland", "hungarian"):
        (tmp_path / f"processed.{name}.data").write_text("age,sexe\n1,2\n")
    with pytest.raises(ValueError, match="no column 'sex'; did you mean 'sexe'"):
        heart(str(tmp_path))
