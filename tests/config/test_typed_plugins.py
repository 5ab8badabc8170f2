"""Parts of one's own, from a package that is opened on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = """
from sklearn.tree import DecisionTreeClassifier
from kdrun.dataset.digits import digits
from kdrun.loss.kd import KD
from kdrun.model.linear import Linear


class Net(Linear):
    pass


class Loss(KD):
    pass


class Tree(DecisionTreeClassifier):
    pass


def data(val_fraction, split_seed, train_size, test_fraction):
    return digits(val_fraction=val_fraction, split_seed=split_seed, train_size=train_size)
"""

SMALL = ("student=linear", "train.epochs=1", "train.progress=false", "dataset.train_size=100")

TREE = ("teacher=sklearn", "teacher.estimator={_target_: typed_parts.Tree, max_depth: 3}")

OWN = {
    "model": ("method=supervised", "student.model._target_=typed_parts.Net"),
    "loss": (*TREE, "loss.terms.kd._target_=typed_parts.Loss"),
    "dataset": ("method=supervised", "dataset._target_=typed_parts.data"),
    "estimator": TREE,
}


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "typed_parts.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("typed_parts", None)


@pytest.mark.parametrize("part", OWN)
def test_it_works_once_its_package_is_typed(kdrun, part: str) -> None:  # type: ignore[no-untyped-def]
    told = kdrun("--plugin", "typed_parts", *SMALL, *OWN[part])
    assert told.status == 0, told.err
    (record,) = Path("outputs").glob("default/*/record.json")
    assert "typed_parts." in json.dumps(json.loads(record.read_text())["config"])


@pytest.mark.parametrize("part", OWN)
def test_it_is_refused_otherwise(kdrun, part: str) -> None:  # type: ignore[no-untyped-def]
    told = kdrun(*SMALL, *OWN[part])
    assert told.status == 2
    assert "type plugins=[typed_parts]" in told.err
    assert "typed_parts" not in sys.modules
