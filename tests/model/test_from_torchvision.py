"""Networks of torchvision are made by name, and refused before anything is built."""

from __future__ import annotations

import pytest
import torch

from kdrun.model.from_torchvision import made

KNOWN = ("squeezenet1_1", "alexnet")


def test_a_network_has_the_options_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(
        "torchvision.models.get_model", lambda name, **given: asked.append((name, given))
    )
    for pretrained in (False, True):
        made("alexnet", KNOWN, 3, pretrained, num_classes=5)
    own = {"weights": None, "num_classes": 5}
    assert asked == [
        ("alexnet", {**own, "weights_backbone": None}),
        ("alexnet", {**own, "weights_backbone": "DEFAULT"}),
    ]


def test_a_network_for_pixels_is_made_without_weights() -> None:
    with torch.device("meta"):
        net = made(
            "lraspp_mobilenet_v3_large", ["lraspp_mobilenet_v3_large"], 3, False, num_classes=7
        )
    assert net.classifier.low_classifier.out_channels == 7


def test_what_is_not_known_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"'alexnett' is not known here; .*'alexnet'"):
        made("alexnett", KNOWN, 3, False)
    with pytest.raises(ValueError, match="alexnet reads 3 channels, and the data have 1"):
        made("alexnet", KNOWN, 1, False)
