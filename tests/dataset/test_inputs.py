from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from kdrun.dataset.image import read_image
from kdrun.dataset.inputs import read_inputs
from kdrun.dataset.loader import make_loader


def batch(path: Path, shape: tuple[int, ...]) -> tuple[list[str], Tensor]:
    """The names and what the loader makes of the inputs."""
    names, split = read_inputs(path, shape)
    assert split.targets.tolist() == [-1] * len(names)
    (whole,) = make_loader(split, 100, seed=0, train=False).epoch(0)
    assert isinstance(whole.input, Tensor)
    assert whole.input.shape == (len(names), *shape)
    return names, whole.input


@pytest.mark.parametrize("shape", [(3, 10, 10), (1, 10, 10), (3, 8, 12)])
def test_a_folder_gives_every_image_below_it(folder: Path, shape: tuple[int, int, int]) -> None:
    names, images = batch(folder / "test", shape)
    assert names == ["cat/0.png", "cat/1.jpg", "dog/0.png", "dog/1.jpg"]
    expected = read_image(folder / "test" / names[2], shape).permute(2, 0, 1) / 255
    assert torch.equal(images[2], expected)


def test_one_image_is_named_by_itself(folder: Path) -> None:
    names, _ = batch(folder / "test" / "cat" / "1.jpg", (3, 10, 10))
    assert names == ["1.jpg"]


def test_arrays_of_the_right_shape_pass_as_they_are(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 6), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", x=pixels)
    names, images = batch(tmp_path / "a.npz", (1, 6, 6))
    assert names == ["0", "1", "2", "3"]
    assert torch.equal(images[:, 0], torch.from_numpy(pixels) / 255)
    np.savez(tmp_path / "rows.npz", x_test=np.ones((4, 5)), y_test=np.zeros(4))
    assert bool((batch(tmp_path / "rows.npz", (5,))[1] == 1).all())


@pytest.mark.parametrize("stored", [(4, 6, 6), (4, 6, 6, 3), (4, 3, 9, 7)])
def test_arrays_of_images_are_brought_to_the_shape(tmp_path: Path, stored: tuple[int, ...]) -> None:
    np.savez(tmp_path / "a.npz", x=np.full(stored, 51, np.uint8))
    for shape in ((3, 8, 8), (1, 5, 7)):
        _, images = batch(tmp_path / "a.npz", shape)
        torch.testing.assert_close(images, torch.full_like(images, 0.2))


def test_what_cannot_be_read_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("hello")
    np.savez(tmp_path / "rows.npz", x=np.ones((4, 5)))
    np.savez(tmp_path / "none.npz", x=np.ones((0, 5)))
    np.savez(tmp_path / "named.npz", X=np.ones((4, 5)))
    for name, shape, told in (
        ("empty", (3, 8, 8), "holds no images"),
        ("a.txt", (3, 8, 8), "neither an image"),
        ("images", (5,), "the model reads rows of 5 numbers"),
        ("rows.npz", (6,), r"have the shape \(5,\), but the model reads \(6,\)"),
        ("rows.npz", (3, 8, 8), "give it what it was trained on"),
        ("none.npz", (5,), "no samples"),
        ("named.npz", (5,), "holds no array 'x_test'"),
    ):
        with pytest.raises(ValueError, match=told):
            read_inputs(tmp_path / name, shape)
    with pytest.raises(FileNotFoundError, match="there is no"):
        read_inputs(tmp_path / "nowhere", (3, 8, 8))


def test_a_damaged_image_is_told_by_its_name(folder: Path) -> None:
    (folder / "test" / "cat" / "1.jpg").write_bytes(b"no image")
    _, split = read_inputs(folder / "test", (3, 8, 8))
    with pytest.raises(ValueError, match=r"cat/1\.jpg cannot be read as an image"):
        list(make_loader(split, 4, seed=0, train=False).epoch(0))
    with pytest.raises(ValueError, match=r"cat/1\.jpg cannot be read as an image"):
        read_inputs(folder / "test", (1, 8, 8))
