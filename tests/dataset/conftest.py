from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from kdrun.types import Arrays

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data: $KDRUN_DATA, or one beside the checkout."""
    folder = Path(os.environ.get("KDRUN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}: set KDRUN_DATA to its folder")
    return folder


@pytest.fixture
def pictures() -> Callable[..., Arrays]:
    """Makes arrays of random images with labels."""

    def make(count: int = 23, channels: int = 3, size: int = 8, seed: int = 0) -> Arrays:
        generator = torch.Generator().manual_seed(seed)
        shape = (count, channels, size, size)
        images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        return Arrays(images, torch.arange(count) % 4)

    return make


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images in train/ (cat 6, dog 6) and test/ (2 each), JPEG and PNG, of many sizes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for part, count in (("train", 6), ("test", 2)):
        for name in ("cat", "dog"):
            place = tmp_path / "images" / part / name
            place.mkdir(parents=True)
            for number in range(count):
                size = (20 + 3 * number, 24, 3)
                image = Image.fromarray(random.integers(0, 256, size, dtype=np.uint8))
                image.save(place / f"{number}.{'jpg' if number % 2 else 'png'}")
    return tmp_path / "images"
