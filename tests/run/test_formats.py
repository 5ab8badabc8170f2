"""The format of `train.precision=auto`: measured where it matters, remembered, and only then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from kdrun.run import formats
from kdrun.score.latency import noise
from tests.run.composed import parts

AUTO = ("train.precision=auto", "student=resnet8")


@pytest.fixture(autouse=True)
def fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is fast at bfloat16, in an empty home."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def said(monkeypatch: pytest.MonkeyPatch, plain: float, quick: float) -> list[int]:
    """Let steps take so many seconds; what is returned grows whenever they are measured."""
    asked: list[int] = []

    def seconds(*given: Any) -> tuple[float, float]:
        asked.append(1)
        torch.rand(3)  # which is not seen by the run
        return plain, quick

    monkeypatch.setattr(formats, "seconds", seconds)
    return asked


@pytest.mark.parametrize(
    ("plain", "quick", "chosen"),
    [
        (1.0, 2.0, None),
        (2.0, 1.0, torch.bfloat16),
        (0.95, 1.0, torch.bfloat16),  # not clearly
        (0.001, 0.02, torch.bfloat16),  # it does not matter
    ],
)
def test_float32_is_taken_where_it_is_clearly_faster(tmp_path, monkeypatch, plain, quick, chosen):
    asked = said(monkeypatch, plain, quick)
    for _ in range(2):
        made = parts(tmp_path, *AUTO)
        assert made.networks.dtype is chosen
        assert made.student.inner.dtype is chosen
    assert len(asked) == 1  # remembered


def test_what_cannot_be_remembered_is_as_the_hardware_says(tmp_path, monkeypatch):
    asked = said(monkeypatch, 1.0, 2.0)
    (tmp_path / "kdrun").touch()
    assert parts(tmp_path, *AUTO).networks.dtype is torch.bfloat16
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    monkeypatch.setattr(formats, "look", lambda student: None)
    assert parts(tmp_path, *AUTO).networks.dtype is torch.bfloat16
    assert asked == []


def test_what_is_typed_is_not_measured(tmp_path, monkeypatch):
    asked = said(monkeypatch, 1.0, 2.0)
    assert parts(tmp_path, "student=resnet8", "train.precision=bf16").networks.dtype is not None
    assert parts(tmp_path, "student=resnet8", "train.precision=fp32").networks.dtype is None
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert parts(tmp_path, *AUTO).networks.dtype is None
    assert asked == []


def test_the_first_step_which_loads_libraries_does_not_count(tmp_path, monkeypatch):
    own = parts(tmp_path, "student=resnet8").student
    took = iter([3.0, 9.0, 0.2, 0.1, *[0.3] * 20])  # of float32 and of bfloat16 by turns
    monkeypatch.setattr(formats, "_step", lambda *given: next(took))
    assert formats.seconds(own, (None, torch.bfloat16), None) == (0.2, 0.1)


def test_the_student_is_as_it_was(tmp_path, monkeypatch):
    own = parts(tmp_path, "student=resnet8").student
    before = {key: value.clone() for key, value in own.state_dict().items()}
    times = formats.seconds(own, (None, torch.bfloat16), noise((1, 8, 8), 4, torch.device("cpu")))
    assert len(times) == 2
    assert min(times) > 0
    assert all(torch.equal(value, before[key]) for key, value in own.state_dict().items())
    assert own.inner.dtype is None
    assert all(parameter.grad is None for parameter in own.parameters())
