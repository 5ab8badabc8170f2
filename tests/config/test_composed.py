"""The config that words mean, for commands that do not run it."""

from __future__ import annotations

import pytest

from kdrun.config.composed import composed


def test_words_mean_what_they_mean_of_a_run() -> None:
    found = composed(["dataset=digits", "augment=cifar", "dataset.augment.flip=false"])
    assert found["dataset"]["augment"]["crop_padding"] == 4
    assert found["dataset"]["augment"]["flip"] is False
    assert found["dataset"]["name"] == "digits"
    with pytest.raises(ValueError, match="did you mean 'photo'"):
        composed(["augment=foto"])
