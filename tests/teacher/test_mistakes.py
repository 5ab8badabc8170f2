"""What is no teacher is told at the command line in one message, before anything is trained."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from kdrun.dataset.digits import digits
from kdrun.dataset.split import sample_ids
from tests.teacher.test_onnx import save

WORDS = ("student=linear", "dataset.augment=null", "train.progress=false")


def decisions(**columns: list[object]) -> None:
    """A table.csv about the training samples of the digits, with some columns changed."""
    names = sample_ids(digits(val_fraction=0).train)
    table = {"id": names, "label": [str(i % 10) for i in range(len(names))], **columns}
    rows = [",".join(map(str, row)) for row in zip(*filter(None, table.values()), strict=True)]
    Path("table.csv").write_text("\n".join([",".join(n for n, c in table.items() if c), *rows]))


def models() -> None:
    """Models that are none, or not for 8x8 digits."""
    save(Path(), ("n", 1, 9, 9), weight=np.zeros((81, 10), np.float32))
    Path("model.onnx").rename("wide.onnx")
    save(Path(), ("n", 1, 8, 8), weight=np.zeros((64, 10), np.float32))
    Path("half.onnx").write_bytes(Path("model.onnx").read_bytes()[:400])
    fitted = LogisticRegression().fit(np.eye(2), [0, 1])
    Path("model.pkl").write_bytes(pickle.dumps(fitted))


SVC = "{_target_:sklearn.svm.LinearSVC}"
MEMBERS = ("+teacher@teacher.members.a=linear", "+teacher@teacher.members.b=mlp")
MISTAKES: list[tuple[tuple[str, ...], str]] = [
    (("recorded", "teacher.path=strangers.csv"), "ids are no sample's, such as 'patient 7'"),
    (("recorded", "teacher.path=sums.csv"), "probabilities of row 1 sum to 0.9, not to one"),
    (("onnx", "teacher.path=half.onnx"), "half.onnx is not a whole ONNX model"),
    (("onnx", "teacher.path=wide.onnx"), "reads (?, 1, 9, 9), and not samples of the data's shape"),
    (("sklearn", f"teacher.estimator={SVC}"), "LinearSVC has no predict_proba"),
    (("sklearn", "teacher.path=model.pkl"), "model.pkl is a pickle, which runs whatever"),
    (("onnx", "teacher.path=model.pkl"), "model.pkl is not a whole ONNX model"),
    (("ensemble", *MEMBERS, "teacher.weights={a:-0.5,b:1.5}"), "a has -0.5"),
    (("ensemble", *MEMBERS, "teacher.weights={a:0.5,b:0.6}"), "must sum to one, not 1.1"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES)
def test_it_is_told_before_anything_is_trained(kdrun, words: tuple[str, ...], message: str) -> None:
    samples = len(digits(val_fraction=0).train)
    decisions(id=[f"patient {i + 7}" for i in range(samples)])
    Path("table.csv").rename("strangers.csv")
    decisions(label=[], **{f"p_{k}": [0.09] * samples for k in range(10)})
    Path("table.csv").rename("sums.csv")
    models()
    told = kdrun(*WORDS, f"teacher={words[0]}", *words[1:])
    assert told.status == 2
    assert message in told.err
    assert "Traceback" not in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert "epoch" not in told.out


def test_classes_go_by_name_or_are_refused_with_both_lists(kdrun) -> None:
    def arrays(path: str, classes: list[str]) -> None:
        random = np.random.default_rng(0)
        labels = np.arange(60) % len(classes)
        x = (random.normal(size=(60, 4)) + 3 * np.eye(4)[labels]).astype(np.float32)
        parts = {"x_train": x, "y_train": labels, "x_test": x, "y_test": labels}
        np.savez(path, **parts, classes=np.array(classes))

    arrays("pets.npz", ["cat", "dog", "owl"])
    arrays("turned.npz", ["owl", "cat", "dog"])
    arrays("more.npz", ["cat", "dog", "owl", "newt"])
    arrays("cars.npz", ["van", "bus", "tram"])
    quick = ("dataset=npz", "train.epochs=1", "train.progress=false")
    assert kdrun(*quick, "dataset.path=pets.npz", "method=supervised", "student=mlp").status == 0
    (run,) = Path("outputs/default").glob("supervised_*")
    teacher = (*quick, "teacher=mlp", f"teacher.checkpoint={run}", "student=linear")
    assert kdrun(*teacher, "dataset.path=turned.npz").status == 0
    for path, wanted in (("more", "4 classes (cat, dog, owl, newt)"), ("cars", "3 classes (van,")):
        told = kdrun(*teacher, f"dataset.path={path}.npz")
        assert told.status == 2
        assert f"knows 3 classes (cat, dog, owl), but the dataset has {wanted}" in told.err
