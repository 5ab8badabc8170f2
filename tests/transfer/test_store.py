from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kdrun.transfer.store import features
from tests.transfer.trial import load, student

ROWS = np.random.default_rng(5).standard_normal((70, 4)).astype(np.float32)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("features/*.npy"))


def test_what_is_stored_is_what_was_extracted_and_is_read_again(tmp_path: Path) -> None:
    network = student(4, 3, "mlp.MLP", hidden=[6])
    fresh = features(network, load(ROWS), None)
    first = features(network, load(ROWS), tmp_path)
    (path,) = files(tmp_path)
    written = path.stat().st_mtime_ns
    second = features(network, load(ROWS, np.arange(70) % 3), tmp_path)
    assert files(tmp_path) == [path]
    assert path.stat().st_mtime_ns == written
    assert np.array_equal(fresh, first)
    assert np.array_equal(first, second)
    assert fresh.shape == (70, 6)
    assert not second.flags.writeable


def test_the_classifier_is_no_part_of_the_features(tmp_path: Path) -> None:
    network = student(4, 3, "mlp.MLP", hidden=[6])
    features(network, load(ROWS), tmp_path)
    with torch.no_grad():
        network.net.head.weight.add_(1)  # type: ignore[union-attr,operator]
    features(network, load(ROWS), tmp_path)
    assert len(files(tmp_path)) == 1


def test_other_data_and_other_weights_are_other_features(tmp_path: Path) -> None:
    network = student(4, 3, "mlp.MLP", hidden=[6])
    features(network, load(ROWS), tmp_path)
    features(network, load(ROWS + 1), tmp_path)
    with torch.no_grad():
        network.net.layers[0][0].bias.add_(1)  # type: ignore[index,union-attr,operator]
    features(network, load(ROWS), tmp_path)
    assert len(files(tmp_path)) == 3


def test_of_a_linear_or_an_rbf_network_they_are_the_inputs(tmp_path: Path) -> None:
    for network in (student(4, 3), student(4, 3, "rbf.RBF", landmarks=7)):
        assert np.array_equal(features(network, load(ROWS), tmp_path), ROWS)


def test_what_is_not_finite_is_told_and_not_stored(tmp_path: Path) -> None:
    wrong = ROWS.copy()
    wrong[3, 2] = np.inf
    with pytest.raises(ValueError, match="feature 2 of sample 3 is inf, and 1 are not finite"):
        features(student(4, 3), load(wrong), tmp_path)
    assert files(tmp_path) == []


@pytest.mark.parametrize("accident", ["zeroed", "permuted", "cut off", "unsealed"])
def test_what_was_altered_is_told_and_extracted_again(tmp_path: Path, caplog, accident) -> None:
    network = student(4, 3, "mlp.MLP", hidden=[6])
    fresh = features(network, load(ROWS), None)
    features(network, load(ROWS), tmp_path)
    (path,) = files(tmp_path)
    if accident == "cut off":
        path.write_bytes(path.read_bytes()[:-8])
    elif accident == "unsealed":
        path.with_suffix(".sha256").unlink()
    else:
        np.save(path, np.zeros_like(fresh) if accident == "zeroed" else fresh[::-1].copy())
    assert np.array_equal(features(network, load(ROWS), tmp_path), fresh)
    assert "so its features are extracted again" in caplog.text
    assert np.array_equal(np.load(path), fresh)
    caplog.clear()
    assert np.array_equal(features(network, load(ROWS), tmp_path), fresh)
    assert caplog.text == ""
