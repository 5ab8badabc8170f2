"""Tables of single classes, against scikit-learn."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, precision_recall_fscore_support

from kdrun.task.confusion import Confusion
from kdrun.types import Batch, Outputs


@pytest.fixture
def counted():
    """90 samples, few of the third class and none of the fourth, which is predicted at times."""
    generator = np.random.default_rng(0)
    target = generator.choice(4, 90, p=[0.6, 0.35, 0.05, 0])
    logits = torch.from_numpy(generator.normal(size=(90, 4)))
    logits[torch.arange(90), torch.from_numpy(target)] += 1
    tally = Confusion(["a", "b", "c", "d"])
    tally.add(Outputs(logits), None, Batch(logits, torch.from_numpy(target), torch.arange(90)))
    return tally, target, logits.argmax(1).numpy()


def table(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_balanced_accuracy_is_the_mean_recall_of_the_classes_of_the_labels(counted):
    tally, target, said = counted
    metrics = tally.scores().metrics
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(target, said))
    assert metrics["recall"] < metrics["balanced_accuracy"]  # over d too, which has no label


def test_a_row_for_each_class(counted, tmp_path):
    tally, target, said = counted
    tally.write(tmp_path)
    expected = precision_recall_fscore_support(target, said, labels=range(4), zero_division=0)
    rows = table(tmp_path / "classes.csv")
    assert [row["class"] for row in rows] == ["a", "b", "c", "d"]
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        found = [float(row[name] or 0) for row in rows]
        np.testing.assert_allclose(found, values, atol=1e-12)
    assert rows[3]["recall"] == ""  # of no sample, so it is not defined
    assert [int(row["predicted"]) for row in rows] == np.bincount(said, minlength=4).tolist()


def test_the_matrix_has_a_row_for_each_true_class(counted, tmp_path):
    tally, target, said = counted
    tally.write_validation(tmp_path)
    rows = table(tmp_path / "confusion_val.csv")
    assert int(rows[0]["as_b"]) == int(((target == 0) & (said == 1)).sum())
    assert sum(int(row[f"as_{name}"]) for row in rows for name in "abcd") == 90
    assert [path.name for path in tmp_path.iterdir()] == ["confusion_val.csv"]
