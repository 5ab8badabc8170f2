"""What a small student learnt is written for people, in the words of the data."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from kdrun.model.features import Network, Student
from kdrun.score.explain import SHORT, explain
from kdrun.types import Arrays, Dataset


class Speaks(nn.Module):
    """Tells what it was told, in some lines."""

    def __init__(self, lines: int = 1) -> None:
        super().__init__()
        self.fc, self.lines = nn.Linear(2, 2), lines

    def explain(self, columns: tuple[str, ...], classes: list[str]) -> dict[str, str]:
        told = f"{','.join(columns)}: {','.join(classes)}\n"
        return {"said.txt": told + "more\n" * (self.lines - 1)}


def data(
    shape: tuple[int, ...] | dict[str, tuple[int, ...]] = (2,),
    classes: tuple[str, ...] = ("no", "yes"),
    columns: tuple[str, ...] = (),
) -> Dataset:
    targets = torch.arange(2) if classes else torch.rand(2)
    split = Arrays(torch.zeros(2, 2), targets)
    return Dataset(split, None, split, [*classes], shape, columns=columns)


def told(folder: Path, student: Student, of: Dataset) -> str | None:
    explain(student, of, folder)
    path = folder / "said.txt"
    return path.read_text() if path.exists() else None


def test_columns_and_classes_have_their_names_or_are_counted(tmp_path: Path) -> None:
    student = Network(Speaks())
    assert told(tmp_path, student, data(columns=("age", "dose"))) == "age,dose: no,yes\n"
    assert told(tmp_path, student, data()) == "x0,x1: no,yes\n"
    assert told(tmp_path, student, data(classes=())) == "x0,x1: value\n"
    texts = data({"x": (2,), "input_ids": (9,)})
    assert told(tmp_path, student, texts) == "x0,x1: no,yes\n"


def test_of_images_and_of_tokens_alone_nothing_is_said(tmp_path: Path) -> None:
    for shape in ((1, 1, 2), {"input_ids": (9,)}):
        assert told(tmp_path, Network(Speaks()), data(shape)) is None  # type: ignore[arg-type]
    assert told(tmp_path, Network(nn.Sequential(nn.Linear(2, 2))), data()) is None


@pytest.mark.parametrize(("lines", "shown"), [(SHORT, True), (SHORT + 1, False)])
def test_what_is_short_is_shown_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, lines: int, shown: bool
) -> None:
    with caplog.at_level(logging.INFO):
        text = told(tmp_path, Network(Speaks(lines)), data())
    assert text is not None
    assert text.count("\n") == lines
    assert ("said.txt:\nx0,x1" in caplog.text) is shown
