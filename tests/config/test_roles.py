"""Every model plays both roles, without a yaml file for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError

from kdrun.config.roles import RoleSource


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RoleSource]:
    """Two folders of configs with a model of one name in both."""
    places = [tmp_path / "ours", tmp_path / "mine"]
    for place, names in zip(places, (("big", "tiny"), ("own", "tiny")), strict=True):
        (place / "model").mkdir(parents=True)
        for name in names:
            (place / "model" / f"{name}.yaml").touch()
    (places[0] / "model" / "notes.txt").touch()
    monkeypatch.setattr(RoleSource, "places", places)
    return RoleSource("kdrun", "role://")


def test_a_role_has_every_model_of_all_folders_once(source: RoleSource) -> None:
    for role in ("student", "teacher", "teacher/"):
        assert source.list(role, None) == ["big", "own", "tiny"]
    assert source.list("", None) == ["student", "teacher"]
    assert source.list("loss", None) == []
    assert source.list("student", ObjectType.GROUP) == []
    assert source.list("", ObjectType.CONFIG) == []


def test_a_path_is_a_role_and_a_model(source: RoleSource) -> None:
    assert source.available()
    assert source.is_config("student/own.yaml")
    assert source.is_config("teacher/big")
    for path in ("student/gone", "loss/big", "student", "student/notes.txt", "student/big/more"):
        assert not source.is_config(path)
    assert [source.is_group(p) for p in ("student", "teacher/", "loss")] == [True, True, False]


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_a_role_is_its_own_keys_around_the_model(source: RoleSource, role: str) -> None:
    config = source.load_config(f"{role}/tiny.yaml").config
    assert config == {"defaults": ["network", {"/model@model": "tiny"}, "_self_"], "name": "tiny"}
    with pytest.raises(ConfigLoadError, match=f"there is no {role} 'gone'"):
        source.load_config(f"{role}/gone")
