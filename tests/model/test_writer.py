"""Language models from a description: what a stranger's file may and may not say."""

from __future__ import annotations

from typing import Any

import pytest

from kdrun.model import causal
from kdrun.model.writer import remade

pytest.importorskip("transformers")


@pytest.mark.parametrize("kind", [None, 3, "nonesuch"])
def test_a_description_of_no_architecture_is_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match="no model_type"):
        remade(causal.KIND, {"model_type": kind})


def test_data_of_two_texts_are_refused_by_a_decoder() -> None:
    with pytest.raises(ValueError, match=r"dataset\.form=joined"):
        causal.create("gpt2", 20, tensors=("input_ids", "decoder_input_ids"))
