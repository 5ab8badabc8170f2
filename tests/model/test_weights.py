"""What is written is rebuilt to the bit, and other weights are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from kdrun.files.checkpoint import read_header
from kdrun.model import build
from kdrun.model.features import Network
from kdrun.model.weights import in_float32, load, mismatch, rebuild, save
from kdrun.task.regression import Regression
from kdrun.types import Batch

MLP = {"_target_": "kdrun.model.mlp.MLP", "hidden": [4]}


def network(**changed: Any) -> Network:
    torch.manual_seed(0)
    return build({**MLP, **changed}, num_classes=2, shape=(3,))


def written(path: Path, made: Network, **more: Any) -> Path:
    given = {"classes": ["no", "yes"], "shape": (3,), **more}
    save(path, made, "mlp", MLP, **given)
    return path


def logits(made: torch.nn.Module) -> torch.Tensor:
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    found: torch.Tensor = made.eval()(Batch(x, torch.zeros(4), torch.arange(4))).logits
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "student.safetensors"


def test_it_is_rebuilt_from_its_file_alone(path: Path) -> None:
    made = network()
    again = rebuild(written(path, made))
    assert torch.equal(logits(again), logits(made))
    assert read_header(path)["classes"] == ["no", "yes"]


def test_a_regression_answers_in_its_unit(path: Path) -> None:
    torch.manual_seed(0)
    made = build(MLP, num_classes=1, shape=(3,), task=Regression())
    made.unit = (10.0, 2.0)
    again = rebuild(written(path, made, classes=[], task=Regression().described))
    assert torch.equal(logits(again), logits(made))
    plain = torch.Tensor(logits(made))
    made.unit = (0.0, 1.0)
    torch.testing.assert_close(plain, 10 + 2 * logits(made))


def test_it_computes_as_it_was_scored_unless_asked_otherwise(path: Path) -> None:
    made = network()
    made.dtype = torch.bfloat16
    again = rebuild(written(path, made))
    assert isinstance(again, Network)
    assert again.dtype is torch.bfloat16
    assert isinstance(in_float32(again), Network)
    assert again.dtype is None
    assert torch.equal(logits(again), logits(network()))


def test_weights_of_another_network_are_refused_with_examples(path: Path) -> None:
    written(path, network(hidden=[5]))
    with pytest.raises(ValueError, match=r"holds mlp, not this MLP: 3 of another shape, such as"):
        load(network(), path)
    with pytest.raises(FileNotFoundError, match="give the folder of a finished run"):
        load(network(), path.with_name("gone.safetensors"))
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="was not written by kdrun"):
        rebuild(path)


def test_what_is_missing_unknown_or_of_another_shape_is_counted() -> None:
    own = {name: torch.zeros(2) for name in "abc"}
    assert mismatch(own, own) == ""
    given = {"a": torch.zeros(2), "b": torch.zeros(3), "x": torch.zeros(1), "y": torch.zeros(1)}
    assert mismatch(own, given) == (
        "1 missing, such as c; 2 unknown, such as x; 1 of another shape, such as b"
    )


def test_a_file_whose_header_is_not_that_of_its_weights_is_refused(path: Path) -> None:
    made = network()
    save(path, made, "mlp", {**MLP, "hidden": "wide"}, classes=["no", "yes"], shape=(3,))
    with pytest.raises(ValueError, match="no network can be built as it says"):
        rebuild(path)
