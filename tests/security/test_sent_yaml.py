"""What no config is, is told before anything reads it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kdrun.config.schema import folder
from kdrun.security.sent_yaml import check_file, check_folder

LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)


def test_configs_pass(tmp_path: Path) -> None:
    check_folder(folder())
    path = tmp_path / "x.yaml"
    path.write_text("a: &a {lr: 1}\nb: *a\nc: {<<: *a, d: 1}\n")
    check_file(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LAUGHS, "more than 100,000 nodes"),
        ("a: &a [*a]", "stands in what it means"),
        ("a: " + "[" * 400 + "]" * 400, "50 levels"),
        ("a: " + "[" * 100_000, "no config"),
        ("a: 1\n" * 300_000, "larger than 1 MB"),
        ("a: [", "no config"),
        ("a: \0", "no config"),
        ("\ud800", "no config"),
    ],
    ids=["laughs", "itself", "deep", "endless", "large", "cut", "NUL", "surrogate"],
)
def test_others_are_one_message(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "x.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match=told) as error:
        check_folder(tmp_path)
    assert len(str(error.value)) < 600
    assert "\n" not in str(error.value)


def test_a_pipe_is_not_opened_and_a_circle_ends(tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path)
    check_folder(tmp_path)
    os.mkfifo(tmp_path / "x.yaml")
    with pytest.raises(ValueError, match="no plain file"):
        check_folder(tmp_path)


def test_the_yaml_of_a_folder_is_looked_at_before_it_is_resumed(kdrun) -> None:
    Path("sent/.hydra").mkdir(parents=True)
    Path("sent/.hydra/hydra.yaml").write_text(LAUGHS)
    told = kdrun("resume", "sent")
    assert told.status == 2
    assert "100,000 nodes" in told.err
