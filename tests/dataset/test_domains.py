"""What holds for the domains of every dataset."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdrun.dataset.cuts import Cuts
from kdrun.dataset.digits_shifted import digits_shifted
from kdrun.dataset.domains import Domain, check_names, combine, hide
from kdrun.types import Arrays, Dataset, Split


def rows(count: int, shift: float = 0.0) -> Arrays:
    inputs = torch.arange(count, dtype=torch.float32)[:, None] + shift
    return Arrays(inputs, torch.arange(count) % 4)


def domain(name: str, shift: float = 0.0) -> Domain:
    return Domain(name, rows(40, shift), rows(8, shift), list("abcd"))


def pair(**options: object) -> Dataset:
    given = {"labels": "all", "cuts": Cuts(), **options}
    return combine(domain("t", 100.0), domain("s"), **given)  # type: ignore[arg-type]


def known(split: Split) -> int:
    return int((split.targets >= 0).sum())


def test_hidden_labels_are_hidden_in_the_data() -> None:
    data = pair(labels="none")
    assert data.train.targets.unique().tolist() == [-1]
    assert data.val is None
    assert len(data.train) == 40
    assert known(data.test) == 8
    assert data.source is not None
    assert known(data.source.train) == 36
    assert data.source.val is not None


@settings(deadline=None, max_examples=20)
@given(st.integers(4, 40), st.integers(0, 3))
def test_so_many_labels_are_kept_stratified_and_true(labels: int, seed: int) -> None:
    whole = rows(40)
    split = hide(whole, labels, seed)
    assert known(split) == labels
    kept = split.targets >= 0
    assert torch.equal(split.targets[kept], whole.targets[kept])
    counts = torch.bincount(split.targets[kept], minlength=4)
    assert int(counts.max() - counts.min()) <= 1
    assert torch.equal(hide(whole, labels, seed).targets, split.targets)


def test_more_labels_hold_the_fewer() -> None:
    few, more = hide(rows(40), 8, 0).targets >= 0, hide(rows(40), 20, 0).targets >= 0
    assert bool((more | ~few).all())


def test_what_is_fitted_sees_the_source_and_no_hidden_label() -> None:
    seen: list[Split] = []

    def fit(source: Split, target: Split):  # type: ignore[no-untyped-def]
        seen.extend((source, target))
        return lambda split: split

    pair(labels="none", fit=fit)
    assert len(seen[0]) == 36
    assert known(seen[1]) == 0
    seen.clear()
    combine(domain("t"), None, labels="all", cuts=Cuts(), fit=fit)  # type: ignore[arg-type]
    assert seen[0] is seen[1]


def test_a_domain_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"dataset\.target=scaned .* did you mean 'scanned'"):
        digits_shifted(target="scaned")
    with pytest.raises(ValueError, match=r"dataset\.source=moon is no domain here; allowed: a, b"):
        check_names("moon", "a", ["a", "b"])


def test_a_source_equal_to_the_target_is_refused() -> None:
    with pytest.raises(ValueError, match=r"both plain: nothing can be transferred.*faint"):
        digits_shifted(source="plain", target="plain")


@pytest.mark.parametrize("labels", [0, -3, True, "few"])
def test_labels_that_are_no_number_are_refused(labels: object) -> None:
    with pytest.raises(ValueError, match="give all, none, or a number of samples"):
        pair(labels=labels)


def test_too_many_labels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"dataset\.labels=41 is not possible.*Give 4 to 40"):
        pair(labels=41)


def test_values_of_a_regression_cannot_be_hidden() -> None:
    with pytest.raises(ValueError, match="only classes can be hidden"):
        hide(Arrays(torch.zeros(9, 1), torch.rand(9)), "none", 0)


def test_samples_keep_their_names() -> None:
    data, other = digits_shifted(), digits_shifted(source="faint")
    assert isinstance(data.train, Arrays)
    assert isinstance(data.test, Arrays)
    assert data.source is not None
    assert isinstance(data.source.train, Arrays)
    assert data.train.ids is not None
    assert not set(data.train.ids) & set(data.test.ids or ())
    assert not set(data.train.ids) & set(data.source.train.ids or ())
    assert isinstance(other.train, Arrays)
    assert other.train.ids == data.train.ids
