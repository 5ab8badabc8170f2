"""A student without its head, as others load it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kdrun.export import export
from kdrun.model import build, weights
from kdrun.types import Batch

CONFIG = {"_target_": "kdrun.model.timm.create", "name": "test_resnet", "stem": "native"}


@pytest.fixture
def student(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = build(CONFIG, num_classes=3, shape=(3, 32, 32), mean=[0.5] * 3, std=[0.2] * 3)
    file = tmp_path / "student.safetensors"
    weights.save(file, network, "tiny", CONFIG, classes=["a", "b", "c"], shape=(3, 32, 32))
    return file


def test_timm_loads_a_backbone_that_gives_the_embedding(student: Path, tmp_path: Path) -> None:
    import timm

    out = tmp_path / "backbone.safetensors"
    told = export(str(student), "safetensors", str(out), backbone=True)
    assert "largest difference" in told
    own = load_file(out)
    assert not any(name.startswith("fc.") for name in own)
    net = timm.create_model("test_resnet", num_classes=0).eval()
    net.load_state_dict(own)
    network = weights.rebuild(student).eval()
    network.keep(("embedding",))
    images, nothing = torch.rand(2, 3, 32, 32), torch.zeros(0)
    expected = network(Batch(images, nothing, nothing)).embedding
    torch.testing.assert_close(net((images - 0.5) / 0.2), expected, atol=1e-5, rtol=1e-4)


def test_other_formats_are_refused(student: Path) -> None:
    with pytest.raises(ValueError, match="not of onnx"):
        export(str(student), "onnx", backbone=True)
