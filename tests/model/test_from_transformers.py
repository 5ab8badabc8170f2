"""Networks of transformers are made, or it is told in a line why not."""

from __future__ import annotations

import pytest

from kdrun.model.from_transformers import network

transformers = pytest.importorskip("transformers")


def test_weights_are_those_of_a_folder() -> None:
    with pytest.raises(ValueError, match=r"loads the weights of a folder: give its model\.name"):
        network(transformers.BertModel, transformers.BertConfig(), None, True, {})


def test_what_does_not_fit_is_told_with_its_settings() -> None:
    config = transformers.SegformerConfig(depths=[1])  # of four blocks
    kind = transformers.SegformerForSemanticSegmentation
    with pytest.raises(ValueError, match=r"^segformer with {'depths': \[1\]}: .*out of range$"):
        network(kind, config, None, False, {"depths": [1]})
