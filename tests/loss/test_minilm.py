from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from kdrun.loss.minilm import MiniLM
from kdrun.types import Batch, Outputs
from tests.loss.trial import CNN, data


def said(heads: int, width: int, length: int = 5, n: int = 2) -> Outputs:
    tokens = torch.randn(n, length, width, dtype=torch.double)
    scores = torch.randn(n, heads, length, length, dtype=torch.double)
    return Outputs(
        torch.zeros(n, 3),
        features=(tokens.roll(1), tokens),
        attentions=(scores.roll(1).softmax(3), scores.softmax(3)),
    )


def batch(n: int = 2) -> Batch:
    return Batch(torch.zeros(n, 1), torch.zeros(n, dtype=torch.long), torch.arange(n))


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)


def relation(tokens: list[list[float]], heads: int) -> list[list[list[float]]]:
    """[head][token][token] of one sample."""
    width = len(tokens[0])
    d = width // heads
    states = []
    for token in tokens:
        mean = sum(token) / width
        variance = sum((v - mean) ** 2 for v in token) / width
        states.append([(v - mean) / math.sqrt(variance + 1e-5) for v in token])
    result = []
    for head in range(heads):
        parts = [state[head * d : (head + 1) * d] for state in states]
        rows = []
        for a in parts:
            weights = [
                math.exp(sum(p * q for p, q in zip(a, b, strict=True)) / d**0.5) for b in parts
            ]
            rows.append([w / sum(weights) for w in weights])
        result.append(rows)
    return result


def slow(s: Outputs, t: Outputs, heads: int, lengths: list[int]) -> float:
    total = 0.0
    for n, length in enumerate(lengths):
        a_s, a_t = s.attentions[-1][n].tolist(), t.attentions[-1][n].tolist()
        r_s = relation(s.features[-1][n, :length].tolist(), heads)
        r_t = relation(t.features[-1][n, :length].tolist(), heads)
        for p, q in ((a_t, a_s), (r_t, r_s)):
            for head in range(len(p)):
                for i in range(length):
                    total += kl(p[head][i][:length], q[head][i][:length]) / len(p) / length
    return total / len(lengths)


@pytest.mark.parametrize(("heads", "relations"), [(2, None), (3, 1), (1, 6)])
def test_value(heads: int, relations: int | None) -> None:
    s, t = said(heads, 6), said(heads, 12)
    found = MiniLM(relations)(s, t, batch()).item()
    assert found == pytest.approx(slow(s, t, relations or heads, [5, 5]), rel=1e-6)


def test_attention_of_other_heads_is_averaged_over_them() -> None:
    s, t = said(2, 6), said(4, 12)
    mean = [x._replace(attentions=(x.attentions[-1].mean(1, keepdim=True),)) for x in (s, t)]
    found = MiniLM()(s, t, batch()).item()
    assert found == pytest.approx(slow(mean[0], mean[1], 2, [5, 5]), rel=1e-6)


def test_padding_does_not_count() -> None:
    real = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]])
    s, t = said(2, 6), said(2, 6)
    for x in (s, t):
        attention = x.attentions[-1]
        attention *= real[:, None, None]
        attention /= attention.sum(3, keepdim=True)
    s, t = (x._replace(tokens=x.features, ids=real, mask=real) for x in (s, t))
    loss = MiniLM()
    loss.build(s, t, torch.zeros(2))
    before = loss(s, t, batch())
    assert before.item() == pytest.approx(slow(s, t, 2, [3, 4]), rel=1e-6)
    s.tokens[-1][0, 3:] = 100
    assert loss(s, t, batch()) == before


def test_texts_of_other_tokens_are_refused() -> None:
    s, t = said(2, 6), said(2, 6)
    mask = torch.ones(2, 5)
    s, t = (x._replace(tokens=x.features, ids=mask * i, mask=mask) for i, x in enumerate((s, t)))
    with pytest.raises(ValueError, match=r"the same dataset\.tokenizer"):
        MiniLM().build(s, t, torch.zeros(2))


def test_zero_where_student_equals_teacher() -> None:
    x = said(2, 8)
    assert MiniLM()(x, x, batch()).item() == pytest.approx(0, abs=1e-12)


def test_gradient() -> None:
    s, t = said(2, 4, length=3), said(2, 6, length=3)

    def term(tokens: Tensor, scores: Tensor) -> Tensor:
        student = Outputs(s.logits, features=(tokens,), attentions=(scores.softmax(3),))
        result: Tensor = MiniLM()(student, t, batch())
        return result

    tokens, scores = s.features[-1].requires_grad_(), torch.randn(2, 2, 3, 3, dtype=torch.double)
    assert torch.autograd.gradcheck(term, (tokens, scores.requires_grad_()))


def test_attention_that_underflows_is_finite() -> None:
    s, t = said(2, 4), said(2, 4)
    s.attentions[-1][..., 0] = 0
    assert MiniLM()(s, t, batch()).isfinite()


def test_pairs_for_which_it_is_not_defined_say_why() -> None:
    vit, targets = said(2, 6), torch.zeros(2)
    with pytest.raises(ValueError, match=r"\(2, 2, 5, 5\).*\(2, 2, 9, 9\)"):
        MiniLM().build(vit, said(2, 6, length=9), targets)
    with pytest.raises(ValueError, match="2 relation heads do not divide the teacher's width 7"):
        MiniLM().build(vit, said(2, 7), targets)
    with pytest.raises(ValueError, match="the teacher has none"):
        MiniLM().build(vit, CNN(4)(data().batches[0]), targets)
