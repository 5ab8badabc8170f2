"""A file that makes other pixels, or says other things of them, is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kdrun.dataset.image import Fit, fit_image
from kdrun.export.check_pixels import Seen, pictures, seen, told
from kdrun.export.differs import DiffersError
from kdrun.export.student import Exported

FINE = Seen(1, 0.1, 0.2, 1e-6, 0.01, {(8, 8), (9, 20)})


class Sums(torch.nn.Module):
    """Two sums of pixels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x.sum((1, 2, 3)), x[:, :, 0].sum((1, 2))], dim=1)


class Session:
    """As onnxruntime's, by Pillow."""

    def __init__(self, fit: Fit, whole: bool, off: float = 0.0) -> None:
        self.fit, self.whole, self.off = fit, whole, off

    def run(self, _: None, given: dict[str, Any]) -> list[Any]:
        picture = Image.fromarray(given["pixels"][0])
        made = fit_image(picture, (3, 8, 8), *self.fit).permute(2, 0, 1)[None] / 255
        return [(Sums()(made) + self.off if self.whole else made).numpy()]


def student(files: list[str] | None = None) -> Exported:
    samples = torch.rand(11, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return Exported(Sums(), {"shape": [3, 8, 8]}, samples, True, {}, files=files or ())  # type: ignore[arg-type]


def test_the_same_pixels_are_the_same() -> None:
    found = seen(student(), Session(Fit(), False), Session(Fit(), True), "nhwc")
    assert found[:5] == (0, 0, 0, 0, 0)
    assert len(found.sizes) == 4
    assert told(found, "bilinear").startswith("from pixels, in 4 sizes from 6x4 to 13x24, 0 % ")


def test_another_crop_is_told_and_so_are_other_answers() -> None:
    other = seen(student(), Session(Fit(crop_pct=0.5), False), Session(Fit(), True), "nhwc")
    with pytest.raises(
        DiffersError, match="explains 2 levels, 0.5 on average: nothing".replace(".", "[.]")
    ):
        told(other, "bilinear")
    other = seen(student(), Session(Fit(), False), Session(Fit(), True, off=1.0), "nhwc")
    with pytest.raises(DiffersError, match="of the same pixels it says something else"):
        told(other, "bilinear")


@pytest.mark.parametrize(
    ("changed", "fine"),
    [
        ({}, True),
        ({"levels": 3.0}, False),
        ({"mean": 0.6}, False),
        ({"rounding": 1e-3}, False),
        ({"levels": float("nan")}, False),
    ],
)
def test_bounds(changed: dict[str, float], fine: bool) -> None:
    found = FINE._replace(**changed)  # type: ignore[arg-type]
    if fine:
        assert "in 2 sizes from 8x8 to 9x20, 20 % differ from Pillow's at most, by 1 of" in told(
            found, "bilinear"
        )
    else:
        with pytest.raises(DiffersError):
            told(found, "bilinear")


def test_files_are_the_pictures_upright_and_as_large_as_they_are(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    file, turned = tmp_path / "1.png", Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(noise).save(file, exif=turned)
    first = next(pictures(student([str(file)])))
    assert (first.mode, first.size) == ("RGB", (20, 30))
