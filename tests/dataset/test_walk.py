"""Which files of a folder are images, and what is said of the others."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdrun.dataset.image import KINDS, SUFFIXES, read_image, readable
from kdrun.dataset.image_folder import image_folder
from kdrun.dataset.inputs import read_inputs
from kdrun.dataset.split import sample_ids
from kdrun.dataset.walk import image_files, left_out, spelled
from kdrun.types import Files

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
EXACT = ("PNG", "BMP", "TIFF", "PPM")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_kind_of_file_is_found_and_read(tmp_path: Path, suffix: str) -> None:
    if suffix not in readable():
        pytest.skip(f"this Pillow reads no {suffix}")
    (kind,) = [kind for kind, suffixes in KINDS.items() if suffix in suffixes]
    path = tmp_path / f"a{suffix.upper()}"
    colours = PIXELS if suffix not in (".pgm", ".pbm") else PIXELS[..., 0]
    Image.fromarray(colours).save(path, format=kind)
    assert image_files(tmp_path) == [str(path)]
    found = read_image(path, (3, 6, 8))
    assert found.shape == (6, 8, 3)
    if kind in EXACT and colours.ndim == 3:
        assert np.array_equal(found, PIXELS)


def test_of_several_frames_the_first_is_read(tmp_path: Path) -> None:
    first = Image.fromarray(np.full((6, 8), 90, np.uint8))
    other = Image.fromarray(np.full((6, 8), 200, np.uint8))
    for kind in ("gif", "tif", "png"):
        path = tmp_path / f"a.{kind}"
        first.save(path, save_all=True, append_images=[other])
        assert bool((read_image(path, (1, 6, 8)) == 90).all())


def test_what_is_no_image_is_counted_by_its_kind(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    litter = (".hidden.png", ".DS_Store", "Thumbs.db", "desktop.ini")
    for name in ("b.heic", "c.heic", "notes.txt", "README", *litter):
        (tmp_path / name).write_text("x")
    (tmp_path / "empty.jpg").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    shutil.copy(tmp_path / "a.png", tmp_path / ".ipynb_checkpoints" / "a.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    left = Counter[str]()
    assert image_files(tmp_path, left) == [str(tmp_path / "a.png")]
    assert left == {
        ".heic": 2,
        ".txt": 1,
        "no suffix": 1,
        "empty .jpg": 1,
        "no plain files": 1,
        "broken links": 1,
    }
    told = left_out(left, "train/")
    assert told is not None
    assert told.startswith("7 files of train/ left out, as no images: 2 .heic, ")
    assert left_out(Counter(), "train/") is None


@pytest.mark.parametrize("name", ["val", "valid", "validation", "dev"])
def test_a_validation_folder_of_any_usual_name_is_used_and_told(folder: Path, name: str) -> None:
    shutil.copytree(folder / "test", folder / name)
    (folder / "extra").mkdir()
    data = image_folder(str(folder), val_fraction=0.5)
    assert data.val is not None
    assert (len(data.train), len(data.val)) == (12, 4)
    assert any("extra/" in note and "not read" in note for note in data.notes)
    assert (f"{name}/ is the validation split" in data.notes) == (name != "val")


def test_two_validation_folders_are_refused(folder: Path) -> None:
    for name in ("val", "valid"):
        shutil.copytree(folder / "test", folder / name)
    with pytest.raises(ValueError, match="val/ and valid/: one of them"):
        image_folder(str(folder))


def test_images_beside_the_classes_and_other_files_are_told(folder: Path) -> None:
    shutil.copy(folder / "train" / "cat" / "0.png", folder / "train" / "stray.png")
    (folder / "train" / "cat" / "a.heic").write_text("x")
    (folder / "train" / "Thumbs.db").write_text("x")
    for name in ("a.csv", "b.csv", "c.csv"):
        (folder / "train" / name).write_text("x")
    (told,) = image_folder(str(folder)).notes
    assert told == (
        "5 files of train/ left out, as no images: 3 .csv, 1 .heic, 1 images in no folder of a "
        "class"
    )


def test_a_split_that_is_called_otherwise_is_told_where_to_go(folder: Path) -> None:
    (folder / "train").rename(folder / "Training")
    with pytest.raises(FileNotFoundError, match=r"folders Training, test\. Put a folder of images"):
        image_folder(str(folder))


def test_samples_of_nested_folders_have_names_of_their_own(folder: Path) -> None:
    for camera in ("a", "b"):
        for name in ("cat", "dog"):
            place = folder / "train" / name / camera
            place.mkdir()
            shutil.copy(folder / "train" / name / "0.png", place / "0.png")
    data = image_folder(str(folder), val_fraction=0.25)
    assert data.val is not None
    names = sample_ids(data.train) + sample_ids(data.val)
    assert len(set(names)) == len(names) == 16
    assert {"cat/a/0.png", "cat/b/0.png", "dog/a/0.png", "cat/0.png"} <= set(names)


def test_the_order_of_numbers_is_told(folder: Path) -> None:
    for part in ("train", "test"):
        (folder / part / "cat").rename(folder / part / "10")
        (folder / part / "dog").rename(folder / part / "9")
    data = image_folder(str(folder))
    assert data.classes == ["10", "9"]
    assert "order of their names as text (10, 9" in data.notes[0]


def test_a_damaged_file_is_found_before_training_and_sound_ones_are_looked_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "train" / "cat" / "1.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"1\.jpg cannot be read as an image"):
        image_folder(str(folder))
    path.write_bytes(whole)
    image_folder(str(folder))
    looked: list[str] = []

    def look(path: str) -> None:
        looked.append(path)

    monkeypatch.setattr("kdrun.dataset.decodable._fault", look)
    image_folder(str(folder))
    assert looked == []
    path.write_bytes(whole + b"x")
    image_folder(str(folder))
    assert looked == [str(path)]


def test_names_that_are_no_text_can_be_written_down(folder: Path) -> None:
    raw = os.fsencode(folder / "train" / "cat") + b"/\xff.png"
    shutil.copy(os.fsencode(folder / "train" / "cat" / "0.png"), raw)
    data = image_folder(str(folder), val_fraction=0)
    assert "cat/\\udcff.png" in sample_ids(data.train)
    names, split = read_inputs(folder / "train" / "cat", (3, 8, 8))
    assert isinstance(split, Files)
    assert "\\udcff.png" in names
    assert spelled("ä\n") == "ä\n"


def test_a_background_reaches_the_loader_and_predict(folder: Path) -> None:
    assert image_folder(str(folder), crop_pct=1).reader is None
    data = image_folder(str(folder), background="black")
    assert data.reader == {"background": "black", "crop_pct": 0.875}
    assert isinstance(data.train, Files)
    assert data.train.background == "black"
    with pytest.raises(ValueError, match=r"dataset\.background=whyte is no colour"):
        image_folder(str(folder), background="whyte")
