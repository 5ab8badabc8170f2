"""What `kdrun export` refuses, and that nothing wrong is ever left under the final name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kdrun.export import FORMATS, export
from kdrun.export import safetensors as maker
from kdrun.export.student import Exported, open_student
from tests.conftest import Told
from tests.export.conftest import Make
from tests.export.kinds import MLP


def test_a_file_that_says_something_else_gets_no_name(
    student: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from kdrun.export import main

    folder, _ = student(MLP)
    (folder / "export.safetensors").write_text("an earlier one")
    write = maker.write

    def wrong(path: Path, one: Exported) -> None:
        other = open_student(str(folder))
        with torch.no_grad():
            other.network.network.get_parameter("net.head.bias")[1] += 0.01
        write(path, other)

    monkeypatch.setattr(maker, "write", wrong)
    assert main([str(folder), "--format", "safetensors"]) == 1
    assert "difference from PyTorch is 1.0e-02" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == [
        "export.safetensors",
        "student.safetensors",
    ]
    assert (folder / "export.safetensors").read_text() == "an earlier one"


def test_mistakes_are_told_before_anything_is_written(
    student: Make, kdrun: Callable[..., Told], tmp_path: Path
) -> None:
    folder, _ = student(MLP)
    own = folder / "student.safetensors"
    for words, told in (
        (["nowhere"], "does not exist"),
        ([str(folder), "--format", "safetensors", "--out", str(own)], "the run's own file"),
        ([str(folder), "--out", "no/such.onnx"], "there is no folder no"),
    ):
        ended = kdrun("export", *words)
        assert ended.status == 2
        assert told in ended.err
    before = own.read_bytes()
    assert kdrun("export", str(folder), "--format", "onx").status == 2
    assert own.read_bytes() == before


def test_every_format_is_a_module() -> None:
    for name in FORMATS:
        assert (Path(maker.__file__).parent / f"{name}.py").is_file()


def test_weights_of_others_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(2)}, tmp_path / "student.safetensors")
    with pytest.raises(ValueError, match="was not written by kdrun"):
        export(str(tmp_path), "onnx")
