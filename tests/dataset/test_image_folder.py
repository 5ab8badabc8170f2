from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kdrun.dataset.image_folder import image_folder
from kdrun.types import Files


def test_classes_are_the_folders_of_the_training_part(folder: Path) -> None:
    (folder / "train" / "cat" / "notes.txt").write_text("no image")
    (folder / "train" / "cat" / "._0.png").write_text("what a Mac leaves on a foreign disk")
    (folder / "train" / ".cache").mkdir()
    data = image_folder(str(folder), image_size=10, val_fraction=0.5)
    assert data.classes == ["cat", "dog"]
    assert data.shape == (3, 10, 10)
    assert isinstance(data.train, Files)
    assert isinstance(data.val, Files)
    assert data.train.targets.bincount().tolist() == data.val.targets.bincount().tolist() == [3, 3]
    assert set(data.train.paths).isdisjoint(data.val.paths)
    for path, target in zip(data.train.paths, data.train.targets.tolist(), strict=True):
        assert Path(path).parent.name == data.classes[target]


def test_a_validation_folder_is_used_as_it_is(folder: Path) -> None:
    shutil.copytree(folder / "test" / "dog", folder / "val" / "dog")
    data = image_folder(str(folder), val_fraction=0.5)
    assert data.val is not None
    assert data.val.targets.tolist() == [1, 1]
    assert len(data.train) == 12


def test_a_test_class_that_nothing_could_learn_is_told(folder: Path) -> None:
    (folder / "test" / "dog").rename(folder / "test" / "dogs")
    with pytest.raises(ValueError, match=r"class 'dogs' of .* did you mean 'dog'"):
        image_folder(str(folder))


@pytest.mark.parametrize("missing", ["", "train", "test"])
def test_an_absent_folder_is_told(folder: Path, missing: str) -> None:
    shutil.rmtree(folder / missing)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        image_folder(str(folder))


def test_an_empty_class_is_told(folder: Path) -> None:
    (folder / "train" / "bird").mkdir()
    with pytest.raises(ValueError, match="bird holds no images"):
        image_folder(str(folder))


def test_images_outside_of_class_folders_are_told(folder: Path) -> None:
    shutil.rmtree(folder / "train" / "dog")
    for image in list((folder / "train" / "cat").iterdir()):
        image.rename(folder / "train" / image.name)
    (folder / "train" / "cat").rmdir()
    with pytest.raises(ValueError, match="train holds no folders"):
        image_folder(str(folder))


def test_an_impossible_size_is_told(folder: Path) -> None:
    with pytest.raises(ValueError, match="image_size=0"):
        image_folder(str(folder), image_size=0)


def test_classes_without_splits_are_split(folder: Path) -> None:
    data = image_folder(str(folder / "train"), image_size=8, test_fraction=0.25, val_fraction=0)
    assert data.classes == ["cat", "dog"]
    assert len(data.train) == 9
    assert len(data.test) == 3
    assert isinstance(data.train, Files)
    assert isinstance(data.test, Files)
    assert set(data.train.paths).isdisjoint(data.test.paths)
    assert "holds classes and no train/ and test/: 25% of each" in data.notes[0]
    again = image_folder(str(folder / "train"), image_size=8, test_fraction=0.25, val_fraction=0)
    assert isinstance(again.test, Files)
    assert again.test.paths == data.test.paths


def test_a_folder_around_the_data_is_no_data(folder: Path) -> None:
    (folder.parent / "around").mkdir()
    folder.rename(folder.parent / "around" / "photos")
    with pytest.raises(FileNotFoundError, match=r"dataset\.root=.*photos"):
        image_folder(str(folder.parent / "around"))


def test_how_pictures_are_brought_to_size_goes_with_the_student(folder: Path) -> None:
    data = image_folder(str(folder), image_size=8, interpolation="bicubic")
    assert data.reader == {"crop_pct": 0.875, "interpolation": "bicubic"}
    assert isinstance(data.test, Files)
    assert (data.test.crop_pct, data.test.interpolation) == (0.875, "bicubic")
    assert image_folder(str(folder), image_size=8, crop_pct=1.0).reader is None
    with pytest.raises(ValueError, match=r"crop_pct=1\.2: give 0\.1 to 1"):
        image_folder(str(folder), crop_pct=1.2)


def test_images_of_a_folder_below_their_class_stay_together(folder: Path) -> None:
    for kind in ("cat", "dog"):
        place = folder / "train" / kind
        for image in sorted(place.iterdir()):
            (place / f"p{image.stem}").mkdir()
            image.rename(place / f"p{image.stem}" / image.name)
            shutil.copy(
                place / f"p{image.stem}" / image.name, place / f"p{image.stem}" / "again.png"
            )
    data = image_folder(str(folder / "train"), image_size=8, test_fraction=0.34, val_fraction=0.25)
    parts = [part for part in (data.train, data.val, data.test) if isinstance(part, Files)]
    homes = [{Path(path).parent.name for path in part.paths} for part in parts]
    assert [len(home) for home in homes] == [3, 1, 2]
    assert len(set.union(*homes)) == 6
    assert [part.targets.bincount().tolist() for part in parts] == [[6, 6], [2, 2], [4, 4]]
    assert "as near to 34% as whole folders allow" in data.notes[0]
    assert "stay together in every cut: 6 folders" in data.notes[1]
