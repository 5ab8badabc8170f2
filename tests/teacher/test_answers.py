"""In which arrays answers are kept, and what comes back."""

from __future__ import annotations

import pytest
import torch

from kdrun.teacher.answers import Answers, decode, encode, form_of
from kdrun.teacher.keeping import Keeping


def test_top_k_leaves_the_rest_as_likely_as_it_was():
    logits = torch.randn(7, 20) * 3
    logits[0, 4:] = -torch.inf  # classes that nobody knows
    form = form_of(logits)
    parts = encode("logits", logits, form, Keeping(None, "top5"))
    back = decode("logits", {k: torch.from_numpy(v) for k, v in parts.items()}, form)
    best = logits.topk(5).indices
    assert torch.allclose(back.gather(1, best), logits.gather(1, best), rtol=2**-11)
    assert torch.allclose(back.logsumexp(1), logits.logsumexp(1), atol=5e-3)
    assert sum(v[0].nbytes for v in parts.values()) == 5 * 4 + 4


def test_half_precision_refuses_what_it_cannot_hold():
    large = torch.full((2, 3), 1e5)
    with pytest.raises(ValueError, match=r"too large for half precision"):
        encode("logits", large, form_of(large), Keeping(None, "half"))


def test_of_texts_tokens_are_kept_one_by_one_however_long_their_batch_is():
    logits = torch.randn(3, 4, 20)
    form = form_of(torch.zeros(3, 6, 20))
    for keep in (Keeping(None, "top5"), Keeping(None, "float32")):
        parts = encode("logits", logits, form, keep)
        back = decode("logits", {k: torch.from_numpy(v) for k, v in parts.items()}, form)[:, :4]
        best = logits.topk(5, dim=-1).indices
        assert torch.allclose(back.gather(-1, best), logits.gather(-1, best), rtol=2**-11)
        assert torch.allclose(back.logsumexp(-1), logits.logsumexp(-1), atol=5e-3)
    with pytest.raises(ValueError, match=r"differ in size"):
        encode("logits", torch.randn(3, 7, 20), form, Keeping(None, "float32"))


def test_drawn_logits_are_those_of_their_sample_wherever_it_stands_in_a_batch() -> None:
    logits, keep = torch.randn(3, 2, 20), Keeping(None, "sampled5")
    form, index = form_of(logits), torch.tensor([7, 2, 9])
    whole = encode("logits", logits, form, keep, index, 1)
    assert sum(part[0, 0].nbytes for part in whole.values()) == 5 * 4
    some = encode("logits", logits[1:], form, keep, index[1:], 1)
    for end, part in some.items():
        assert (part == whole[end][1:]).all()
    back = decode("logits", {k: torch.from_numpy(v) for k, v in whole.items()}, form)
    assert (back.softmax(-1) > 0).sum(-1).tolist() == [[5, 5]] * 3


def test_what_a_file_is_like_stays_as_it_was_learnt_first(tmp_path):
    maps = torch.randn(2, 3, 4, 4)
    first, other = (Answers(tmp_path, Keeping(None, "float32")) for _ in range(2))
    first.learn({"logits": form_of(maps)})
    with first.writing("view-00000", ["logits"], 2) as parts:
        parts["logits"][""][:] = maps.numpy()
    last = maps.to(memory_format=torch.channels_last)
    other.learn({"logits": form_of(last), "features.0": form_of(last)})
    again = other.open("view-00000", ["logits"], 2)
    assert again is not None
    assert torch.equal(torch.from_numpy(again["logits"][""].copy()), maps)
