"""Transfer as a user meets it: runs on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from tests.transfer.test_mapping import NAMES

WORDS = ("method=transfer", "dataset=digits_shifted", "train.progress=false")


def rows(folder: str = "outputs/default") -> list[dict[str, str]]:
    with Path(folder, "results.csv").open() as file:
        return list(csv.DictReader(file))


def record() -> dict[str, Any]:
    (path,) = Path("outputs/default").glob("*/record.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_sweep_over_mappings_extracts_its_features_once(kdrun) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("ot")
    words = (*WORDS, f"transfer={','.join(NAMES)}", "transfer.scaler=per_domain")
    told = kdrun("-m", *words)
    assert told.status == 0, told.err
    found = rows()
    assert {row["transfer"] for row in found} == set(NAMES)
    for row in found:
        assert (row["source"], row["target"], row["student"]) == ("plain", "scanned", "linear")
        assert (row["epochs"], row["precision"]) == ("0", "fp32")
        assert float(row["test_accuracy"]) > 0.5, row["transfer"]
        assert float(row["train_seconds"]) > 0
    assert len(list(Path("outputs/cache/features").glob("*.npy"))) == 2


def test_the_record_tells_how_often_each_class_was_predicted(kdrun) -> None:  # type: ignore[no-untyped-def]
    assert kdrun(*WORDS, "transfer=coral", "transfer.scaler=per_domain").status == 0
    predicted = record()["predicted"]
    assert list(predicted) == [str(digit) for digit in range(10)]
    assert sum(predicted.values()) == 180


def test_hidden_labels_change_nothing_and_the_student_predicts(kdrun) -> None:  # type: ignore[no-untyped-def]
    words = (*WORDS, "transfer=pca_mapping", "dataset.val_fraction=0")
    assert kdrun("-m", *words, "dataset.labels=all,none,20").status == 0
    assert len({row["test_accuracy"] for row in rows()}) == 1
    (run, *_) = Path("outputs/default").glob("transfer_*")
    import numpy as np

    np.savez("new.npz", x=np.zeros((3, 8, 8), np.uint8))
    told = kdrun("predict", str(run), "new.npz")
    assert told.status == 0, told.err
    assert len(told.out.splitlines()) == 4


def test_other_target_labels_change_the_scores_and_nothing_else(kdrun) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("ot")
    import numpy as np

    rows = np.random.default_rng(0).random((80, 6)).astype(np.float32)
    labels = np.arange(80) % 4
    for name, truth in (("right", labels), ("flipped", 3 - labels)):
        np.savez(f"{name}.npz", x_a=rows + labels[:, None], y_a=labels, x_b=2 * rows, y_b=truth)
    words = ("method=transfer", "dataset=office_caltech", "dataset.source=a", "dataset.target=b")
    # Without a validation split, which would be cut by the labels: the same samples in both.
    words = (*words, "dataset.path=right.npz,flipped.npz", "dataset.val_fraction=0")
    for name in NAMES:
        reduced = ("transfer.n_components=3",) if name != "source_only" else ()
        told = kdrun("-m", *words, f"transfer={name}", *reduced, f"name={name}")
        assert told.status == 0, told.err
        one, other = sorted(Path("outputs", name).glob("*/student.safetensors"))
        assert load_file(one).keys() == load_file(other).keys()
        assert all((load_file(one)[key] == v).all() for key, v in load_file(other).items())
        said = [json.loads((p.parent / "record.json").read_text()) for p in (one, other)]
        assert said[0]["predicted"] == said[1]["predicted"]
        assert said[0]["metrics"]["test_accuracy"] != said[1]["metrics"]["test_accuracy"]


def test_macro_f1_stands_beside_the_accuracy(kdrun) -> None:  # type: ignore[no-untyped-def]
    assert kdrun(*WORDS, "transfer=source_only").status == 0
    assert "test_f1 [%]" in kdrun("compare", "outputs/default").out


def test_a_gaussian_kernel_is_a_student_of_its_own(kdrun) -> None:  # type: ignore[no-untyped-def]
    words = ("transfer=tca", "transfer.kernel=rbf", "student=rbf", "transfer.max_samples=200")
    told = kdrun(*WORDS, *words, "student.model.landmarks=200", "transfer.scaler=per_domain")
    assert told.status == 0, told.err
    assert rows()[0]["student"] == "rbf"
    assert float(rows()[0]["test_accuracy"]) > 0.5


def test_one_domain_is_a_pipeline(kdrun) -> None:  # type: ignore[no-untyped-def]
    words = ("method=transfer", "dataset=digits", "transfer=pca_mapping", "transfer.basis=source")
    assert kdrun(*words).status == 0
    assert float(rows()[0]["test_accuracy"]) > 0.93


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("dataset.target=plain", "transfer=coral"), "nothing can be transferred"),
        (("dataset.target=scand", "transfer=coral"), "did you mean 'scanned'"),
        (("transfer=pca_mapping", "transfer.n_components=65"), "more than the rank"),
        (("transfer=none",), "needs transfer=NAME, one of adabn, "),
        (("transfer=coral", "transfer.scalar=source"), "there is no 'scalar' here"),
        (("transfer=coral", "student=resnet8", "transfer.scaler=off"), "scaler"),
        (("transfer=coral", "dataset.labels=some"), "labels='some' is not of type"),
    ],
)
def test_mistakes_end_with_two_and_one_message(  # type: ignore[no-untyped-def]
    kdrun, words: tuple[str, ...], told: str
) -> None:
    ended = kdrun(*WORDS, *words)
    assert ended.status == 2
    assert told in ended.err
    assert "Traceback" not in ended.err
