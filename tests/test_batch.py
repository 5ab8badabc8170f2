"""A batch and what is said of it: one `map` for a tensor and for several by name."""

from __future__ import annotations

import torch

from kdrun.batch import Batch, Outputs, map_input


def test_one_map_for_tensors_and_for_dicts() -> None:
    x = torch.ones(2, 3)
    assert map_input(len, x) == 2
    assert map_input(len, {"a": x, "b": x[:1]}) == {"a": 2, "b": 1}


def test_every_tensor_of_a_batch_and_of_its_source_is_changed() -> None:
    index = torch.arange(2)
    source = Batch({"x": index + 1}, index + 2, index)
    doubled = Batch(index + 3, index + 4, index, source).map(lambda t: 2 * t)
    assert doubled.target.tolist() == [8, 10]
    assert doubled.source is not None
    assert isinstance(doubled.source.input, dict)
    assert doubled.source.input["x"].tolist() == [2, 4]
    said = Outputs(index, features=(index,), members=(Outputs(index),)).map(lambda t: t + 1)
    assert [said.features[0].tolist(), said.members[0].logits.tolist()] == [[1, 2], [1, 2]]
