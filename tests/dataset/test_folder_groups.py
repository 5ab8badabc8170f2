from __future__ import annotations

import pytest

from kdrun.dataset.folder_groups import folder_groups

PATIENTS = [
    f"{kind}/p{number}/{view}.png"
    for kind in ("ill", "well")
    for number in range(6)
    for view in "ab"
]


def test_a_folder_below_the_class_is_a_group_whatever_the_class() -> None:
    groups, note = folder_groups(PATIENTS)
    assert groups is not None
    assert groups.tolist() == [number for number in range(6) for _ in "ab"] * 2
    assert note is not None
    assert "6 folders (p0, p1, p2, ...)" in note


def test_the_outermost_folder_counts() -> None:
    deeper = [name.replace("/a", "/left/a") for name in PATIENTS]
    first, second = folder_groups(deeper).groups, folder_groups(PATIENTS).groups
    assert first is not None
    assert second is not None
    assert first.equal(second)


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        (["a/images/1.png", "b/images/1.png"], "(images) are not taken for groups: fewer than 5"),
        ([*PATIENTS, "ill/1.png", "ill/2.png"], "2 images lie in none"),
    ],
)
def test_what_may_not_be_meant_is_told_and_not_taken(ids: list[str], why: str) -> None:
    groups, note = folder_groups(ids)
    assert groups is None
    assert note is not None
    assert why in note


def test_what_is_wanted_is_done() -> None:
    assert folder_groups(PATIENTS, "none") == (None, None)
    groups, _ = folder_groups(["a/x/1", "a/y/1", "b/1", "b/2", "b/x/3"], "folder")
    assert groups is not None
    assert groups.tolist() == [0, 1, 2, 3, 0]
    assert folder_groups(["a/1", "b/1"]) == (None, None)
    with pytest.raises(ValueError, match="lie no folders"):
        folder_groups(["a/1", "b/1"], "folder")
    with pytest.raises(ValueError, match="lies one folder name only"):
        folder_groups(["a/x/1", "b/x/1"], "folder")
