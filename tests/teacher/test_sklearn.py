"""Estimators of scikit-learn as teachers."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from kdrun.teacher.classes import FLOOR, UNKNOWN
from kdrun.teacher.sklearn import numbers, sklearn
from kdrun.types import Arrays, Batch, Dataset, Outputs

NAMES = ["cat", "dog", "owl"]


def data(classes: list[str] = NAMES, width: int = 4) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(90, width, generator=generator)
    targets = (rows[:, 0] > 0).long() + (rows[:, 1] > 0).long()
    if not classes:
        targets = rows.sum(1)
    split = Arrays(rows, targets)
    return Dataset(split, split, split, classes, (width,))


def ask(teacher: torch.nn.Module, rows: torch.Tensor) -> Outputs:
    index = torch.arange(len(rows))
    return teacher(Batch(rows, index, index))


def x(d: Dataset) -> torch.Tensor:
    return d.train.inputs


def test_it_is_fitted_on_labelled_samples_and_says_its_probabilities() -> None:
    d = data()
    d.train.targets[:30] = -1
    ours = RandomForestClassifier(5, random_state=0).fit(x(d)[30:], d.train.targets[30:])
    said = ask(sklearn(d, RandomForestClassifier(5, random_state=0)), x(d)).logits
    expected = torch.from_numpy(ours.predict_proba(x(d).numpy())).clamp(min=FLOOR).log().float()
    assert torch.equal(said, expected)


def test_images_are_rows_of_pixels_from_0_to_1() -> None:
    images = torch.randint(0, 256, (20, 1, 3, 3), dtype=torch.uint8)
    split = Arrays(images, torch.arange(20) % 2)
    d = Dataset(split, None, split, ["a", "b"], (1, 3, 3))
    teacher = sklearn(d, DecisionTreeClassifier())
    assert (ask(teacher, images / 255).logits.argmax(1) == split.targets).all()


def test_a_class_that_training_lacks_is_unknown() -> None:
    d = data([*NAMES, "newt"])
    said = ask(sklearn(d, LogisticRegression()), x(d)).logits
    assert (said[:, 3] == UNKNOWN).all()
    assert said[:, :3].isfinite().all()


def test_values_in_regression() -> None:
    d = data([])
    teacher = sklearn(d, RandomForestRegressor(20, random_state=0))
    said = ask(teacher, x(d)).logits
    assert said.shape == (90, 1)
    assert (said[:, 0] - d.train.targets).abs().mean() < 0.5


def test_how_much_it_learnt() -> None:
    d = data()
    rows, targets = x(d).numpy(), d.train.targets.numpy()
    assert numbers(LogisticRegression().fit(rows, targets)) == 3 * 4 + 3
    assert numbers(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, targets)) == 15
    tree = DecisionTreeClassifier(max_depth=2).fit(rows, targets)
    assert (
        numbers(tree) == 2 * (tree.tree_.node_count - tree.get_n_leaves()) + 3 * tree.get_n_leaves()
    )
    forest = RandomForestClassifier(3).fit(rows, targets)
    assert numbers(forest) == sum(numbers(t) for t in forest.estimators_)
    assert (
        numbers(HistGradientBoostingClassifier(max_iter=2, max_leaf_nodes=2).fit(rows, targets))
        == 2 * 3 * 4
    )
    assert (
        numbers(GradientBoostingClassifier(n_estimators=2, max_depth=1).fit(rows, targets))
        == 2 * 3 * 4
    )
    assert numbers(MLPClassifier((5,), tol=10.0).fit(rows, targets)) == 4 * 5 + 5 + 5 * 3 + 3


@pytest.fixture
def skops(tmp_path: Path):
    io = pytest.importorskip("skops.io")

    def save(estimator: object, name: str = "model.skops") -> str:
        io.dump(estimator, tmp_path / name)
        return str(tmp_path / name)

    return save


@pytest.mark.parametrize("kind", [RandomForestClassifier, HistGradientBoostingClassifier])
def test_a_saved_estimator_says_the_same_and_its_classes_go_by_name(skops, kind) -> None:
    d = data()
    names = np.array(["owl", "dog", "cat"])  # in an order of its own
    labels = names[2 - d.train.targets.numpy()]
    fitted = kind(random_state=0).fit(x(d).numpy(), labels)
    said = ask(sklearn(d, path=skops(fitted)), x(d)).logits.softmax(1)
    order = [list(fitted.classes_).index(name) for name in NAMES]
    expected = fitted.predict_proba(x(d).numpy())[:, order]
    torch.testing.assert_close(said, torch.from_numpy(expected).float(), atol=1e-5, rtol=1e-3)


def test_numbered_classes_are_positions(skops) -> None:
    d = data()
    fitted = LogisticRegression().fit(x(d).numpy(), d.train.targets.numpy())
    said = ask(sklearn(d, path=skops(fitted)), x(d)).logits
    assert (said.argmax(1).numpy() == fitted.predict(x(d).numpy())).all()
    message = r"knows 3 classes \(0, 1, 2\), but .* 2 classes \(cat, dog\)"
    with pytest.raises(ValueError, match=message):
        sklearn(data(NAMES[:2]), path=skops(fitted))


def test_a_mistake_is_told(skops, tmp_path: Path) -> None:
    d = data()
    fitted = LogisticRegression().fit(x(d).numpy(), d.train.targets.numpy())
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(fitted))
    (tmp_path / "p.skops").write_bytes(pickle.dumps(fitted))
    (tmp_path / "t.skops").write_bytes(Path(skops(fitted)).read_bytes()[:-50])
    wide = data(width=7)
    for given, hint in (
        ({}, r"give teacher\.estimator"),
        ({"estimator": LinearSVC()}, "LinearSVC has no predict_proba"),
        ({"estimator": StandardScaler()}, "StandardScaler has no predict_proba"),
        ({"path": str(tmp_path / "m.pkl")}, "m.pkl is a pickle, which runs"),
        ({"path": str(tmp_path / "p.skops")}, "p.skops is a pickle, which runs"),
        ({"path": str(tmp_path / "t.skops")}, "not a whole"),
        ({"path": skops(LogisticRegression(), "u.skops")}, "is not fitted"),
        ({"path": skops(fitted), "data": wide}, "fitted on 4 columns, but the data have 7"),
        ({"path": skops({"a": Path("x")}, "f.skops")}, "holds pathlib"),
    ):
        with pytest.raises(ValueError, match=hint):
            sklearn(**{"data": d, **given})
    with pytest.raises(FileNotFoundError):
        sklearn(d, path=str(tmp_path / "none.skops"))


def test_a_forest_teaches_a_network(kdrun) -> None:
    words = ("dataset=breast_cancer", "student=mlp", "train.epochs=2", "train.progress=false")
    told = kdrun(*words, "teacher=random_forest", "teacher.estimator.n_estimators=10")
    assert told.status == 0, told.err
    (path,) = Path("outputs/default").glob("distill_random_forest-mlp_*/record.json")
    record = json.loads(path.read_text())
    assert record["metrics"]["teacher_accuracy"] > 0.9
    assert record["metrics"]["teacher_params"] > 0
    assert record["run"]["teacher"] == "random_forest"
    for more, hint in (
        (("teacher=sklearn",), "give teacher.estimator"),
        (("teacher=sklearn", "teacher.path=m.pkl"), "no file m.pkl"),
        (("teacher=random_forest", "teacher.estimator.n_trees=3"), "n_trees"),
        (("teacher=sklearn", "teacher.estimator={_target_:os.system}"), "not allowed"),
        (
            ("teacher=sklearn", "teacher.estimator={_target_:sklearn.svm.LinearSVC}"),
            "predict_proba",
        ),
    ):
        told = kdrun(*words, *more)
        assert told.status == 2, told
        assert hint in told.err
