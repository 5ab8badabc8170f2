"""What a role says is to be kept."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kdrun.loss.ce import CE
from kdrun.loss.kd import KD
from kdrun.loss.reverse_kl import ReverseKL
from kdrun.teacher.answers import flat, whole
from kdrun.teacher.keeping import FIELDS, faults, keeping
from kdrun.types import Outputs


def test_what_a_role_says():
    assert keeping({}) == (None, "float32")
    assert keeping({"cache": "features"}).fields == ("logits", "features")
    both = keeping({"cache": ["features", "embedding"]}).fields
    assert both == ("logits", "embedding", "features")
    assert keeping({"cache": "none"}).fields == ()
    assert keeping({"cache_format": "top10"}).few == 10
    assert (keeping({"cache_format": "sampled72"}).few, keeping({}).few) == (72, None)
    for wrong, told in (
        ({"cache_format": "sample9"}, "did you mean 'sampled10'?"),
        ({"cache": "logit"}, "did you mean 'logits'?"),
        ({"cache": ["auto", "logits"]}, "teacher.cache=auto"),
        ({"cache_format": "top0"}, "teacher.cache_format=top0 is not defined"),
        ({"cache": "none", "cache_format": "half"}, "wants answers to be kept"),
    ):
        with pytest.raises(ValueError, match=told.replace("?", r"\?")):
            keeping(wrong)


def test_settings_that_make_no_sense_are_told():
    def told(**changed: Any) -> str:
        plain: dict[str, Any] = {
            "dataset": {}, "cache_limit": "20GB", "teacher": {},
            "method": {"name": "distill", "uses": ["teacher"]},
        }  # fmt: skip
        return "\n".join(faults(plain | changed, [("teacher.members.a", {"cache": "logits"})]))

    assert told() == "teacher.members.a.cache: an ensemble's answers are kept as one, by teacher.cache"  # noqa: E501  # fmt: skip
    assert "dataset.views=0: give 1 or more" in told(dataset={"views": 0})
    assert "dataset.view_seed=a: give a whole number" in told(dataset={"view_seed": "a"})
    assert "cache_limit=much: give a number" in told(cache_limit="much")
    kept = {"teacher": {"cache": "logits"}}
    for method in ("mutual", "ema", "tf_kd", "stacked"):
        assert f"method={method} " in told(method={"name": method, "uses": ["loss"]}, **kept)
    assert "method=" not in told(method={"name": "supervised", "uses": []}, **kept)
    assert "method=" not in told(method={"name": "born_again", "uses": ["loss"]}, **kept)


def test_what_is_drawn_is_for_losses_that_are_linear_in_it() -> None:
    drawn = keeping({"cache_format": "sampled8"})
    drawn.suits({"kd": KD(temperature=1.0), "ce": CE()})
    for term in (KD(), ReverseKL()):
        keeping({"cache_format": "top8"}).suits({"it": term})
        with pytest.raises(ValueError, match=r"loss.terms.it: .*at temperature 1.*give top8"):
            drawn.suits({"it": term})


def test_heads_of_a_detector_can_be_kept() -> None:
    said = Outputs(torch.zeros(2, 0, 6), heads=(torch.rand(2, 5, 3), torch.rand(2, 5, 4)))
    again = whole(flat(said, ("logits", "heads")))
    assert all(torch.equal(a, b) for a, b in zip(said.heads, again.heads, strict=True))
    assert "heads" in FIELDS
