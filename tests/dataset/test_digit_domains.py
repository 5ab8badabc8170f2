from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from kdrun.dataset.digit_domains import digit_domains
from kdrun.types import Arrays, Split


def images(split: Split | None) -> Tensor:
    assert isinstance(split, Arrays)
    assert isinstance(split.inputs, Tensor)
    return split.inputs


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A small file of colour images, as a user may have one."""
    random = np.random.default_rng(0)
    path = tmp_path / "own.npz"
    np.savez(
        path,
        x_train=random.integers(0, 256, (40, 12, 10, 3), dtype=np.uint8),
        y_train=np.arange(40) % 4,
        x_test=random.integers(0, 256, (8, 12, 10, 3), dtype=np.uint8),
        y_test=np.arange(8) % 4,
        classes=np.array(["0", "1", "cat", "dog"]),
    )
    return str(path)


def test_domains_of_any_form_come_in_one(own: str) -> None:
    data = digit_domains("nowhere", source=own, target="digits", image_size=9)
    assert data.source is not None
    assert images(data.train).shape[1:] == images(data.source.train).shape[1:] == (1, 9, 9)
    assert images(data.source.test).dtype == torch.uint8
    assert data.shape == data.source.shape == (1, 9, 9)
    assert data.source.classes == ["0", "1", "cat", "dog"]
    assert len(data.classes) == 10
    colour = digit_domains("nowhere", source=own, target="digits", image_size=9, channels=3)
    assert images(colour.train).shape[1:] == (3, 9, 9)
    assert len(colour.mean) == 3


def test_an_image_of_the_right_form_is_not_touched() -> None:
    data = digit_domains("nowhere", source=None, target="digits", image_size=8)
    from kdrun.dataset.digits import digits

    assert torch.equal(images(data.test), images(digits().test))


def test_shrinking_is_what_pillow_does(real_data: Path) -> None:
    from PIL import Image

    options = {"source": None, "target": "mnist", "train_size": 50}
    small = digit_domains(str(real_data), image_size=16, **options)  # type: ignore[arg-type]
    large = digit_domains(str(real_data), image_size=28, **options)  # type: ignore[arg-type]
    for before, after in zip(images(large.train)[:5], images(small.train)[:5], strict=True):
        pillow = Image.fromarray(before[0].numpy()).resize((16, 16), Image.Resampling.BILINEAR)
        assert np.abs(np.asarray(pillow).astype(int) - after[0].numpy()).max() <= 1


def test_the_official_splits_are_kept(real_data: Path) -> None:
    data = digit_domains(str(real_data), source="fashion_mnist", labels="none", val_fraction=0)
    assert data.source is not None
    assert [len(part) for part in (data.train, data.test)] == [7291, 2007]
    assert [len(part) for part in (data.source.train, data.source.test)] == [60000, 10000]
    assert data.source.classes[0] == "T-shirt/top"


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        digit_domains(str(tmp_path), source=None, target="mnist")
    with pytest.raises(ValueError, match=r"dataset\.target=ups is no domain.*'usps'"):
        digit_domains(str(tmp_path), target="ups")


def test_rows_are_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.npz")
    rows, labels = np.zeros((8, 3)), np.arange(8) % 2
    np.savez(path, x_train=rows, y_train=labels, x_test=rows, y_test=labels)
    with pytest.raises(ValueError, match="is for images"):
        digit_domains("nowhere", source=None, target=path)
    with pytest.raises(ValueError, match="image_size=2"):
        digit_domains("nowhere", image_size=2)
