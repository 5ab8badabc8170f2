"""The data that a run learns from."""

from __future__ import annotations

import pytest

from kdrun.run.data import data_of, fold, learnt_from, read_data
from tests.run.composed import config


def test_a_source_model_learns_from_the_source() -> None:
    plain, _ = config("dataset=digits_shifted", "dataset.train_size=null", "method=source")
    whole = data_of(plain)
    assert whole.source is not None
    assert learnt_from(plain).domain == whole.source.domain
    plain, _ = config("method=source")
    with pytest.raises(ValueError, match=r"dataset digits: name the domain, dataset\.source"):
        learnt_from(plain)


def test_whose_data_are_wrong_is_told() -> None:
    plain, _ = config("dataset.train_size=100000")
    with pytest.raises(ValueError, match=r"^dataset digits: "):
        learnt_from(plain)


def test_a_fold_is_tested_on_only_where_there_are_folds() -> None:
    assert fold({"cv": {"folds": None, "fold": None}}) is None
    assert fold({"cv": {"folds": 5, "fold": 2}}) == (2, 5)
    assert fold({}) is None


def test_a_record_that_describes_no_data_is_told() -> None:
    plain, _ = config()
    assert len(read_data(plain, ()).train) == 48
    for broken in ({}, {"dataset": None}, {"dataset": plain["dataset"], "cv": {"folds": 2}}):
        with pytest.raises(ValueError, match="the record does not describe its data"):
            read_data(broken, ())
