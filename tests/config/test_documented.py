"""Arguments as the source of a `_target_` has them."""

from __future__ import annotations

from kdrun.config.documented import arguments


def test_annotations_defaults_and_meanings():
    temperature = arguments("kdrun.loss.kd.KD")["temperature"]
    assert (temperature.annotation, temperature.default) == ("float", "4.0")
    assert "gradient" in temperature.meaning


def test_a_literal_is_read_where_it_stands_and_where_it_is_named():
    assert arguments("kdrun.loss.cc.CC")["form"].allowed == ("code", "kernel")
    assert arguments("kdrun.transfer.pca_mapping.PCAMapping")["basis"].allowed == (
        *("shared", "source", "aligned", "separate"),
    )
    assert arguments("kdrun.dataset.heart.heart")["labels"].allowed == ("int", "all", "none")


def test_a_dataset_has_the_fields_of_its_cuts():
    assert "val_fraction" in arguments("kdrun.dataset.mnist.mnist")
    assert "test_fraction" not in arguments("kdrun.dataset.mnist.mnist")
    assert "test_fraction" in arguments("kdrun.dataset.digits.digits")
    assert "cuts" not in arguments("kdrun.dataset.digits.digits")


def test_what_is_not_of_kdrun_is_not_read():
    assert arguments("sklearn.linear_model.Ridge") == {}
    assert arguments("kdrun.nowhere.Thing") == {}
