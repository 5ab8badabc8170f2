"""A network of timm from the hub: its weights and its shape, and nothing else of its repository."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from kdrun.model.timm import create
from kdrun.model.timm_hub import kept

CONFIG: dict[str, Any] = {
    "architecture": "test_resnet",
    "num_classes": 5,
    "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1.0, 1.0, 1.0], "url": "https://a.example"},
}


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that `hf://somebody/net` is fetched into."""
    monkeypatch.setattr("kdrun.model.timm_hub.local", lambda name: str(tmp_path))
    return tmp_path  # type: ignore[return-value]


def test_weights_mean_and_shape_are_its_own(fetched: Path) -> None:
    import timm

    torch.manual_seed(0)
    own = timm.create_model("test_resnet", num_classes=5)
    (fetched / "model.safetensors").write_bytes(save(own.state_dict()))
    (fetched / "config.json").write_text(json.dumps(CONFIG))
    net: Any = create("hf://somebody/net", 5, 3, 32, pretrained=True)
    assert all(torch.equal(v, net.state_dict()[k]) for k, v in own.state_dict().items())
    assert (net.input_mean, net.input_std) == ((0.1, 0.2, 0.3), (1.0, 1.0, 1.0))
    assert net.described == {
        "_target_": "kdrun.model.timm.create",
        **{"name": "test_resnet", "stem": "native"},
    }
    other = create("hf://somebody/net", 2, 3, 32, pretrained=True)  # the head is new
    first = next(iter(own.state_dict()))
    assert torch.equal(other.state_dict()[first], own.state_dict()[first])


@pytest.mark.parametrize(
    ("config", "weights", "message"),
    [
        (None, True, "has no config.json that can be read"),
        ({"model_type": "bert"}, True, "names no architecture of timm"),
        (CONFIG, False, "has no model.safetensors, and pickles are not read"),
        ({**CONFIG, "model_args": [1]}, True, "has a malformed config.json"),
    ],
)
def test_what_is_none_is_told(fetched: Path, config: Any, weights: bool, message: str) -> None:
    if config is not None:
        (fetched / "config.json").write_text(json.dumps(config))
    if weights:
        (fetched / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=message.replace(".", "[.]")):
        kept("hf://somebody/net")


def test_arguments_that_name_files_are_refused(fetched: Path) -> None:
    config = {**CONFIG, "model_args": {"checkpoint_path": "/etc/passwd"}}
    (fetched / "config.json").write_text(json.dumps(config))
    (fetched / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="checkpoint_path does not shape a network"):
        create("hf://somebody/net", 5, 3, 32)
    assert set(kept("hf://somebody/net").overlay or ()) == {"mean", "std", "num_classes", "file"}
