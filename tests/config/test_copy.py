"""`kdrun copy`: a yaml to edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdrun.config.copy import copy
from kdrun.config.schema import folder


def test_the_copy_of_a_choice_is_a_choice(kdrun):
    told = kdrun("copy", "loss=kd", "mine", "--name", "hot")
    assert told.status == 0, told.err
    path, command = told.out.split("\n")[:2]
    assert Path(path).read_text() == (folder() / "loss" / "kd.yaml").read_text()
    assert command == "kdrun --config-dir mine loss=hot"
    Path(path).write_text(Path(path).read_text().replace("temperature: 4.0", "temperature: 9.0"))
    told = kdrun(*command.split()[1:], "--cfg", "job", "--package", "loss")
    assert "temperature: 9.0" in told.out


@pytest.mark.parametrize(
    ("asked", "file"),
    [
        ("student=resnet20", "model/my_resnet20.yaml"),
        ("student=sklearn_tree", "student/my_sklearn_tree.yaml"),
        ("experiment=cifar100/kd", "experiment/cifar100/my_kd.yaml"),
        ("hydra/launcher=local", "hydra/launcher/my_local.yaml"),
    ],
)
def test_it_lies_where_its_group_is_looked_for(tmp_path, asked, file):
    assert copy(asked, tmp_path) == tmp_path / file


def test_nothing_is_overwritten_and_no_name_of_kdrun_is_taken(tmp_path):
    copy("loss=kd", tmp_path)
    (tmp_path / "loss" / "my_kd.yaml").write_text("mine")
    with pytest.raises(ValueError, match=r"my_kd\.yaml exists, and"):
        copy("loss=kd", tmp_path)
    assert (tmp_path / "loss" / "my_kd.yaml").read_text() == "mine"
    with pytest.raises(ValueError, match="'at' is a choice of kdrun's"):
        copy("loss=kd", tmp_path, "at")
    with pytest.raises(ValueError, match="no name of a choice"):
        copy("loss=kd", tmp_path, "../at")


@pytest.mark.parametrize(("asked", "hint"), [("los=kd", "'loss'"), ("loss=kdd", "'kd'")])
def test_what_does_not_exist_is_told(kdrun, asked, hint):
    told = kdrun("copy", asked, "mine")
    assert told.status == 2
    assert hint in told.err
    assert not Path("mine").exists()
