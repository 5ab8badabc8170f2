from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from kdrun.dataset.office_caltech import office_caltech
from kdrun.types import Arrays, Split


def rows(split: Split | None) -> torch.Tensor:
    assert isinstance(split, Arrays)
    assert isinstance(split.inputs, torch.Tensor)
    return split.inputs


def save(folder: Path, **changed: np.ndarray) -> str:  # type: ignore[type-arg]
    random = np.random.default_rng(0)
    arrays = {}
    for name in ("a", "b"):
        arrays[f"x_{name}"] = random.integers(0, 9, (40, 5))
        arrays[f"y_{name}"] = np.arange(40) % 4
    path = folder / "domains.npz"
    np.savez(path, **{**arrays, **changed})  # type: ignore[arg-type]
    return str(path)


def test_only_the_source_says_what_standard_is(tmp_path: Path) -> None:
    data = office_caltech(save(tmp_path), "a", "b", val_fraction=0)
    assert data.source is not None
    train = rows(data.source.train)
    assert torch.allclose(train.mean(0), torch.zeros(5), atol=1e-6)
    assert torch.allclose(train.std(0, correction=0), torch.ones(5), atol=1e-5)
    other = office_caltech(save(tmp_path, x_b=np.full((40, 5), 7)), "a", "b", val_fraction=0)
    assert other.source is not None
    assert torch.equal(rows(other.source.train), train)


def test_samples_are_shares_of_their_words(tmp_path: Path) -> None:
    once = office_caltech(save(tmp_path), "a", "b")
    arrays = dict(np.load(save(tmp_path)))
    twice = office_caltech(save(tmp_path, x_b=2 * arrays["x_b"]), "a", "b")
    assert torch.allclose(rows(once.test), rows(twice.test), atol=1e-6)


def test_the_twelve_pairs_of_the_real_file(real_data: Path) -> None:
    path = str(real_data / "surf800.npz")
    sizes = {"amazon": 958, "caltech10": 1123, "dslr": 157, "webcam": 295}
    for source, target in permutations(sizes, 2):
        data = office_caltech(path, source, target, labels="none")
        assert data.source is not None
        assert data.shape == (800,)
        assert len(data.classes) == 10
        assert len(data.train) + len(data.test) == sizes[target]
        assert data.source.val is not None
        assert bool(rows(data.test).isfinite().all())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"x_b": np.full((40, 5), np.nan)}, r"x_b\[0, 0\] is nan"),
        ({"x_b": np.zeros((40, 6))}, "different shapes"),
        ({"y_b": np.zeros(39)}, "39 labels"),
    ],
)
def test_malformed_arrays_are_refused(tmp_path: Path, changed, told) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=told):
        office_caltech(save(tmp_path, **changed), "a", "b")


def test_a_domain_that_is_not_in_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"source=amazon is no domain here; allowed: a, b"):
        office_caltech(save(tmp_path), target="b")
