"""`--format torch_export`: every kind of student, loaded without its code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from kdrun.export import export
from kdrun.types import Batch
from tests.export.conftest import Make
from tests.export.kinds import KINDS, MLP


@pytest.mark.parametrize("kind", ["regression", "resnet", "tree", "simkd"])
def test_says_what_the_student_says(kind: str, student: Make) -> None:
    folder, network = student(**KINDS[kind])
    export(str(folder), "torch_export")
    loaded = torch.export.load(folder / "export.pt2").module()
    for size in (1, 2, 13):
        samples = torch.rand(size, *KINDS[kind].get("shape", (3, 8, 8)))
        with torch.no_grad():
            expected = network(Batch(samples, torch.zeros(0), torch.zeros(0))).logits
            torch.testing.assert_close(loaded(samples), expected)


def test_metadata_lies_in_the_archive(student: Make) -> None:
    folder, _ = student(MLP)
    export(str(folder), "torch_export")
    extra = {"metadata.json": ""}
    torch.export.load(folder / "export.pt2", extra_files=extra)
    metadata = json.loads(extra["metadata.json"])
    assert json.loads(metadata["classes"]) == ["a", "b", "c"]
    assert metadata["run"] == "run"


FIXED = """
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes, in_features):
        super().__init__()
        self.head = nn.Linear(in_features, num_classes)

    def forward(self, x):
        x = x.flatten(1)
        return self.head(x.reshape(len(x), -1){})
"""


@pytest.mark.parametrize(
    ("code", "told"),
    [("", r"len\(x\) does that"), (" * (2 if x.sum() > 0 else 1)", "data-dependent")],
)
def test_what_is_no_graph_is_told(
    code: str, told: str, student: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"fixed{len(code)}"
    (tmp_path / f"{name}.py").write_text(FIXED.format(code))
    monkeypatch.syspath_prepend(tmp_path)
    folder, _ = student({"_target_": f"{name}.Net"}, plugins=[name])
    with pytest.raises(ValueError, match=f"tiny cannot be written as a graph.*{told}"):
        export(str(folder), "torch_export", plugins=[name])
    assert [path.name for path in folder.iterdir()] == ["student.safetensors"]
    assert "noise" in export(str(folder), "safetensors", plugins=[name])
