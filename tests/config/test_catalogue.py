"""`kdrun list` says what can be typed, each choice in the words of its yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdrun.config.catalogue import choices, groups, main, summary
from kdrun.config.schema import folder
from kdrun.results.glossary import COLUMNS


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder of configs of one's own."""
    for name in ("loss", "model", "student", "hydra"):
        (tmp_path / name).mkdir()
    (tmp_path / "loss" / "own.yaml").write_text("# @package _global_\n# A loss of mine.\nx: 1\n")
    (tmp_path / "loss" / "kd.yaml").write_text("x: 1  # no first comment\n")
    (tmp_path / "model" / "net.yaml").write_text("#A net.\n")
    (tmp_path / "student" / "network.yaml").write_text("# Any model.\n")
    return tmp_path


def test_a_choice_is_told_by_the_first_comment_of_its_yaml(mine: Path) -> None:
    assert choices("loss", [mine]) == {"kd": "", "own": "A loss of mine."}
    assert summary(mine / "model" / "net.yaml") == "A net."


def test_a_model_is_a_choice_of_both_roles_and_the_role_itself_is_none(mine: Path) -> None:
    assert choices("student", [mine]) == choices("teacher", [mine]) == {"net": "A net."}
    assert choices("optimizer", [mine]) == {}


def test_a_folder_of_ones_own_adds_and_goes_before(mine: Path) -> None:
    both = choices("loss", [folder(), mine])
    assert both["own"] == "A loss of mine."
    assert both["kd"] == ""
    assert list(both) == sorted(both)


def test_groups_are_the_folders_and_what_of_hydras_has_choices_of_ours(mine: Path) -> None:
    found = groups([mine])
    assert found == ["loss", "model", "student", "hydra/launcher", "hydra/sweeper"]
    assert "experiment" in groups([folder()])


def test_every_choice_is_explained() -> None:
    places = [folder()]
    bare = [
        f"{g}={c}" for g in groups(places) for c, told in choices(g, places).items() if not told
    ]
    assert bare == []


def test_the_command_lists_a_group_or_all_and_names_the_nearest(
    mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["loss", "--config-dir", str(mine)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in lines if line[:4] == "own "] == [
        ["own", "A loss of mine."]
    ]
    assert main(["hydra/launcher"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("basic ")
    assert main([]) == 0
    assert "digits" in capsys.readouterr().out
    assert main(["los"]) == 2
    assert "there is no group 'los'; did you mean 'loss'?" in capsys.readouterr().err


def test_each_column_has_its_unit_and_direction(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["columns"]) == 0
    text = capsys.readouterr().out
    first = {line.split()[0] for line in text.splitlines() if line[:1] not in ("", " ")}
    assert {*COLUMNS} <= first
    line = " ".join(text[text.index("\nlatency_ms") :].split("\n\n")[0].split())
    assert "(ms, less is better)" in line
