"""Self-attention distillation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.loss import Loss, full
from kdrun.loss.hidden import real_tokens, same_tokens
from kdrun.types import Batch, Outputs


class MiniLM(Loss):
    """Match what each token of the last layer attends to, and how its tokens relate.

        L = KL(A(T) ‖ A(S)) + KL(R(T) ‖ R(S)),  means over samples, heads and tokens
        A: attention probabilities;  R = softmax(h·hᵀ / √d) of hidden states h, split into heads

    Wang et al., 2020. https://arxiv.org/abs/2002.10957

    The paper relates the values of the attention. Networks show their hidden states instead, from
    which the values are linear: here these are normalised per token, as the next layer would, and
    split into relation heads as in MiniLMv2, so that widths may differ. Where the numbers of
    attention heads differ, for which the paper is not defined, A is the mean over heads. The
    padding of texts does not count.

    Args:
        relation_heads: parts of h, a divisor of both widths; by default the student's attention
            heads.
    """

    needs = ("features", "attentions", "tokens")

    def __init__(self, relation_heads: int | None = None) -> None:
        super().__init__()
        self.relation_heads = relation_heads

    def build(self, student: Outputs, teacher: Outputs, targets: Tensor) -> None:
        """Only check.

        Raises:
            ValueError: the networks have no attention, other tokens, or widths that do not split.
        """
        for name, outputs in (("student", student), ("teacher", teacher)):
            states = _states(outputs)
            if not outputs.attentions or states is None or states.ndim != 3:
                raise ValueError(f"minilm compares attention between tokens: the {name} has none")
            heads, width = self._heads(student), states.shape[2]
            if width % heads:
                raise ValueError(
                    f"minilm: {heads} relation heads do not divide the {name}'s width {width}; "
                    "choose relation_heads"
                )
        _check(student.attentions[-1], teacher.attentions[-1])
        if (student.tokens or teacher.tokens) and not same_tokens(student, teacher):
            raise ValueError(
                "minilm compares token by token, and student and teacher cut the texts into "
                "different ones: give both the same dataset.tokenizer"
            )

    def forward(self, student: Outputs, teacher: Outputs, batch: Batch) -> Tensor:
        """The sum of both divergences, means over samples, heads and tokens."""
        states_s, states_t = _states(student), _states(teacher)
        assert states_s is not None
        assert states_t is not None
        real = real_tokens(student, full(states_s))
        attention_s, attention_t = full(student.attentions[-1]), full(teacher.attentions[-1])
        _check(attention_s, attention_t)
        if attention_s.shape != attention_t.shape:
            attention_s, attention_t = (x.mean(1, keepdim=True) for x in (attention_s, attention_t))
        # A masked token has the probability 0 in both, and 0 · log 0 counts nothing.
        attention = _divergence(attention_t.detach(), attention_s.clamp_min(1e-12).log(), real)
        heads = self._heads(student)
        relation_t = _relation(states_t, heads, real).detach()
        relation_s = _relation(states_s, heads, real)
        return attention + _divergence(relation_t.exp(), relation_s, real)

    def _heads(self, student: Outputs) -> int:
        return self.relation_heads or student.attentions[-1].shape[1]


def _states(outputs: Outputs) -> Tensor | None:
    """(N, L, D): the hidden states of the last stage, token by token."""
    stages = outputs.tokens or outputs.features
    return stages[-1] if stages else None


def _check(s: Tensor, t: Tensor) -> None:
    if s.shape[0] != t.shape[0] or s.shape[2:] != t.shape[2:]:
        raise ValueError(
            f"minilm: student attention {tuple(s.shape)} and teacher attention {tuple(t.shape)} "
            "are not between the same tokens"
        )


def _relation(tokens: Tensor, heads: int, real: Tensor) -> Tensor:
    """(N, heads, L, L): the logarithm of how much each token relates to each."""
    h = F.layer_norm(full(tokens), tokens.shape[2:]).unflatten(2, (heads, -1)).transpose(1, 2)
    scores = h @ h.mT / h.shape[3] ** 0.5
    scores = scores.masked_fill(real[:, None, None] == 0, -1e9)
    return F.log_softmax(scores, dim=3)


def _divergence(p: Tensor, log_q: Tensor, real: Tensor) -> Tensor:
    """KL(p ‖ q) of distributions over the last dimension: mean over real tokens, heads, samples."""
    kl = (torch.xlogy(p, p) - p * log_q).sum(3).mean(1)
    return ((kl * real).sum(1) / real.sum(1)).mean()
