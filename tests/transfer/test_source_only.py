from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler

from kdrun.transfer.source_only import SourceOnly
from tests.transfer.trial import as_source, load, logistic, logits, student

RANDOM = np.random.default_rng(1)
SOURCE = RANDOM.standard_normal((50, 5)).astype(np.float32)
TARGET = RANDOM.standard_normal((30, 5)).astype(np.float32) + 2
LABELS = np.arange(50) % 3


def test_it_is_a_classifier_of_the_sources_standardised_features() -> None:
    network = SourceOnly(classifier=logistic())(
        student(5, 3), as_source(SOURCE, LABELS, 3), load(TARGET)
    )
    scaler = StandardScaler().fit(SOURCE.astype(np.float64))
    source, target = (scaler.transform(rows.astype(np.float64)) for rows in (SOURCE, TARGET))
    expected = logistic().fit(source, LABELS).decision_function(target)
    assert np.allclose(logits(network, TARGET), expected, atol=1e-4)


def test_the_target_plays_no_part() -> None:
    one, other = (
        SourceOnly(classifier=logistic())(student(5, 3), as_source(SOURCE, LABELS, 3), load(target))
        for target in (TARGET, -TARGET)
    )
    assert np.array_equal(logits(one, TARGET), logits(other, TARGET))
