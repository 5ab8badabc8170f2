from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor, ImageOps

from kdrun.dataset import boxes
from kdrun.dataset.image import Crop, fit_image, read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def test_an_image_of_the_right_size_is_not_touched(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    assert torch.equal(read_image(tmp_path / "a.png", (3, 6, 8)), torch.from_numpy(PIXELS))


def test_grey_becomes_rgb_and_rgb_grey() -> None:
    grey = Image.fromarray(PIXELS[..., 0])
    assert torch.equal(
        fit_image(grey, (3, 6, 8)), torch.from_numpy(PIXELS[..., :1]).expand(6, 8, 3)
    )
    found = fit_image(Image.fromarray(PIXELS), (1, 6, 8))
    luma = PIXELS @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
    assert np.abs(found[..., 0].numpy() - luma).max() <= 1


def test_the_centre_is_kept_when_the_aspect_ratio_changes() -> None:
    wide = np.zeros((4, 12), np.uint8)
    wide[:, 4:8] = 200
    assert bool((fit_image(Image.fromarray(wide), (1, 4, 4)) == 200).all())
    assert fit_image(Image.fromarray(wide), (1, 2, 2)).shape == (2, 2, 1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_gives_bytes_without_a_warning(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.fromarray(PIXELS).convert(mode).save(path)
    for channels in (1, 3):
        found = read_image(path, (channels, 6, 8))
        assert found.dtype == torch.uint8
        assert found.shape == (6, 8, channels)


@pytest.mark.parametrize("kind", [np.uint16, np.int32])
def test_sixteen_bits_become_eight(kind: type) -> None:
    grey = PIXELS[..., 0]
    found = fit_image(Image.fromarray(grey.astype(kind) * 256 + 255), (1, 6, 8))
    assert np.array_equal(found[..., 0], grey)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_a_file_of_sixteen_bits_keeps_its_eight(tmp_path: Path, name: str) -> None:
    grey = PIXELS[..., 0].astype(np.uint16) * 257
    Image.fromarray(grey).save(tmp_path / name)
    assert np.array_equal(read_image(tmp_path / name, (1, 6, 8))[..., 0], PIXELS[..., 0])


def test_thirty_two_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[..., 0].astype(np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a\.tif .*no white: save 8 or 16 bits"):
        read_image(tmp_path / "a.tif", (3, 6, 8))


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
@pytest.mark.parametrize("background", ["white", "black", "#0a141e"])
def test_what_is_drawn_on_transparent_ground_is_seen(
    tmp_path: Path, mode: str, background: str
) -> None:
    line = np.zeros((6, 8, 4), np.uint8)  # black on nothing, which is black as well
    line[2, :, 3] = 255
    image = Image.fromarray(line).convert("LA" if mode == "LA" else "RGBA")
    if mode == "P":
        image = Image.fromarray((line[..., 3] // 255).astype(np.uint8)).convert("P")
        image.putpalette([0, 0, 0, 0, 0, 0])
        image.save(tmp_path / "a.png", transparency=0)
    else:
        image.save(tmp_path / "a.png")
    found = read_image(tmp_path / "a.png", (3, 6, 8), background).numpy()
    expected = np.empty((6, 8, 3), np.uint8)
    expected[:] = ImageColor.getrgb(background)
    expected[2] = 0
    assert np.array_equal(found, expected)


def test_half_transparent_is_half_the_background() -> None:
    pixels = np.full((6, 8, 4), 100, np.uint8)
    pixels[..., 3] = 128
    found = fit_image(Image.fromarray(pixels), (3, 6, 8))
    assert abs(int(found[0, 0, 0]) - round(100 * 128 / 255 + 255 * 127 / 255)) <= 1


def test_floating_point_pixels_and_programs_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((6, 8), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="floating point numbers"):
        read_image(tmp_path / "a.tif", (3, 6, 8))
    Image.fromarray(PIXELS).save(tmp_path / "b.eps")
    (tmp_path / "b.eps").rename(tmp_path / "b.png")  # PostScript is a program, whatever its name
    with pytest.raises(ValueError, match=r"b\.png cannot be read as an image"):
        read_image(tmp_path / "b.png", (3, 6, 8))


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn a quarter to the right
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    expected = torch.from_numpy(np.rot90(PIXELS, -1).copy())
    assert torch.equal(read_image(tmp_path / "a.png", (3, 8, 6)), expected)


def test_a_large_jpeg_decoded_small_looks_like_the_whole(tmp_path: Path) -> None:
    y, x = np.mgrid[0:400, 0:400] / 400
    smooth = np.stack([x, y, x * y], 2)
    image = Image.fromarray((smooth * 255).astype(np.uint8))
    image.save(tmp_path / "a.jpg", quality=95)
    image.save(tmp_path / "a.png")
    small, whole = (read_image(tmp_path / f"a.{kind}", (3, 20, 20)) for kind in ("jpg", "png"))
    assert (small.int() - whole.int()).abs().max() <= 5


@pytest.mark.parametrize("kind", ["jpg", "png"])
@pytest.mark.parametrize("kept", [0, 10, 60, 0.5])
def test_a_damaged_file_is_told_by_its_name(tmp_path: Path, kind: str, kept: float) -> None:
    path = tmp_path / f"broken.{kind}"
    Image.fromarray(np.repeat(PIXELS, 10, axis=0)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if 0 < kept < 1 else int(kept)])
    with pytest.raises(ValueError, match=rf"broken\.{kind} cannot be read as an image"):
        read_image(path, (3, 6, 8))


@pytest.mark.parametrize("size", [(50, 40), (33, 61), (30, 30)])
def test_the_middle_for_tests_is_timms(size: tuple[int, int]) -> None:
    from timm.data.transforms_factory import transforms_imagenet_eval

    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    for pct, kind in ((0.875, "bilinear"), (0.95, "bicubic")):
        theirs = transforms_imagenet_eval(
            16, crop_pct=pct, interpolation=kind, use_prefetcher=True
        )(image)
        found = fit_image(image, (3, 16, 16), "white", pct, kind)
        assert np.array_equal(found.permute(2, 0, 1).numpy(), np.asarray(theirs))


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_a_random_crop_is_torchvisions_of_the_whole_photograph(
    tmp_path: Path, orientation: int, kind: str
) -> None:
    from torchvision.transforms import InterpolationMode, functional

    y, x = np.mgrid[0:300, 0:400] / 400
    smooth = (np.stack([x, y, x * y], 2) * 255).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{kind}"
    Image.fromarray(smooth).save(path, exif=exif, **({"quality": 98} if kind == "jpg" else {}))
    upright = ImageOps.exif_transpose(Image.open(path))
    for seed in range(4):
        drawn = boxes.draws(seed, 0, torch.arange(1), "x")[0]
        crop = Crop(drawn, 0.08, 4 / 3)
        left, top, right, bottom = crop.box(*upright.size)
        expected = functional.resized_crop(
            upright, top, left, bottom - top, right - left, [16, 16], InterpolationMode.BILINEAR
        )
        found = read_image(path, (3, 16, 16), crop=crop).numpy().astype(int)
        # A JPEG is decoded at a fraction of its size.
        assert np.abs(found - np.asarray(expected)).max() <= (0 if kind == "png" else 5)
