"""`--format safetensors`: weights under their own names, and a header that says the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from kdrun.export import export
from kdrun.model import build, weights
from kdrun.model.resnet import ResNet
from kdrun.task.detection import Detection
from kdrun.types import Batch
from tests.export.conftest import Make
from tests.export.kinds import KINDS


@pytest.mark.parametrize("kind", ["mlp", "regression", "logistic", "tree", "rbf"])
def test_every_kind(kind: str, student: Make) -> None:
    folder, _ = student(**KINDS[kind])
    assert "largest difference" in export(str(folder), "safetensors")


def test_the_class_of_the_model_reads_it_without_kdrun(student: Make) -> None:
    folder, network = student(**KINDS["resnet"])
    export(str(folder), "safetensors")
    with safe_open(folder / "export.safetensors", framework="pt") as file:
        header = file.metadata()
    net = ResNet(num_classes=3, depth=8, widths=(4, 4, 8, 8)).eval()
    net.load_state_dict(load_file(folder / "export.safetensors"))
    images = torch.rand(4, 3, 8, 8)
    mean, std = (torch.tensor(json.loads(header[key])).view(3, 1, 1) for key in ("mean", "std"))
    assert "subtract mean, then divide by std" in header["normalise"]
    expected = network(Batch(images, torch.zeros(0), torch.zeros(0))).logits
    torch.testing.assert_close(net((images - mean) / std), expected)


def test_a_network_around_the_student_is_refused(student: Make) -> None:
    folder, _ = student(**KINDS["simkd"])
    with pytest.raises(ValueError, match="--format onnx and torch_export hold it all"):
        export(str(folder), "safetensors")


def test_a_detectors_weights_are_written_and_its_graph_is_not(tmp_path: Path) -> None:
    task = Detection(("cat", "dog"))
    own = {"_target_": "kdrun.model.fcos.FCOS", "encoder": "mobilenetv3_small_050", "width": 32}
    network = build(
        own, num_classes=2, shape=(3, 32, 32), mean=(0.5,) * 3, std=(0.5,) * 3, task=task
    )
    facts = {"classes": task.classes, "shape": (3, 32, 32), "task": task.described}
    weights.save(tmp_path / "student.safetensors", network.eval(), "fcos", own, **facts)
    assert "largest difference" in export(str(tmp_path), "safetensors")
    with pytest.raises(ValueError, match="as many boxes as it finds, and --format onnx"):
        export(str(tmp_path), "onnx")
