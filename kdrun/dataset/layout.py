"""How a prompt and its completion lie in the tensors that a language model reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

FORMS = ("joined", "apart")
"""One text that a decoder goes on with, or one for an encoder and another for a decoder."""

Tokens = Sequence[int]


@dataclass(frozen=True)
class Layout:
    """Where tokens stand, and which of them count.

    Joined, a text is the prompt, the separator, the completion, and the model says each token of
    the completion and the end after it. Apart, an encoder reads the prompt and its end, and a
    decoder the start and the completion. The target at a place is the token to be said there: those
    of the completion and its end; -1 elsewhere.

    Attributes:
        form: `joined` or `apart`.
        end: the token after a text, with which texts are filled up too.
        separator: tokens between prompt and completion, joined.
        start: the token that a decoder begins with, apart.
    """

    form: str
    end: int
    separator: tuple[int, ...] = ()
    start: int = 0

    @property
    def described(self) -> dict[str, Any]:
        """Plain values that give it back."""
        return {**asdict(self), "separator": list(self.separator)}

    @classmethod
    def restore(cls, described: Mapping[str, Any]) -> Layout:
        """The layout that was described.

        Raises:
            ValueError: it is none.
        """
        try:
            separator = tuple(int(token) for token in described["separator"])
            made = cls(described["form"], int(described["end"]), separator, int(described["start"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no layout of tokens: {described!r:.80}") from error
        if made.form not in FORMS:
            raise ValueError(f"no layout of tokens: form {made.form!r:.40}")
        return made

    def room(self, prompt: Tokens, completion: Tokens) -> int:
        """How many places the longer of the texts takes that a model reads at once."""
        if self.form == "joined":
            return len(prompt) + len(self.separator) + len(completion)
        return 1 + max(len(prompt), len(completion))

    def __call__(
        self, prompts: Sequence[Tokens], completions: Sequence[Tokens], width: int = 0
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Inputs and targets of some pairs.

        Args:
            prompts: N.
            completions: theirs.
            width: places to fill up to at least; 0 for as many as the longest takes.

        Returns:
            By name, (N, L) tokens and their masks; and (N, L) targets.
        """
        if self.form == "joined":
            return self._joined(prompts, completions, width)
        inputs = [[*prompt, self.end] for prompt in prompts]
        begun = [[self.start, *completion] for completion in completions]
        ids, mask = filled(inputs, self.end, width)
        own, own_mask = filled(begun, self.end, width)
        target, _ = filled([[*one, self.end] for one in completions], -1, width)
        given = {"input_ids": ids, "attention_mask": mask}
        return given | {"decoder_input_ids": own, "decoder_attention_mask": own_mask}, target

    def _joined(
        self, prompts: Sequence[Tokens], completions: Sequence[Tokens], width: int
    ) -> tuple[dict[str, Tensor], Tensor]:
        before = [[*prompt, *self.separator] for prompt in prompts]
        both = list(zip(before, completions, strict=True))
        ids, mask = filled([[*first, *rest] for first, rest in both], self.end, width)
        said = [[-1] * (len(first) - 1) + [*rest, self.end] for first, rest in both]
        return {"input_ids": ids, "attention_mask": mask}, filled(said, -1, width)[0]

    def opened(self, prompts: Sequence[Tokens]) -> tuple[dict[str, Tensor], Tensor]:
        """Inputs that are to be completed, and targets of which none is known."""
        if self.form == "joined":
            ids, mask = filled([[*one, *self.separator] for one in prompts], self.end)
            return {"input_ids": ids, "attention_mask": mask}, torch.full_like(ids, -1)
        given, target = self(prompts, [()] * len(prompts))
        return given, torch.full_like(target, -1)


def filled(texts: Sequence[Tokens], value: int, width: int = 0) -> tuple[Tensor, Tensor]:
    """(N, L) tokens of texts, filled up on their right, and the mask that is 1 where they are.

    Args:
        texts: of any lengths.
        value: that fills.
        width: places at least.
    """
    width = max([width, *map(len, texts)])
    tokens = torch.full((len(texts), width), value)
    mask = torch.zeros(len(texts), width, dtype=torch.int64)
    for row, text in enumerate(texts):
        tokens[row, : len(text)] = torch.tensor(text, dtype=torch.int64)
        mask[row, : len(text)] = 1
    return tokens, mask


def completions(targets: Tensor) -> Iterator[list[int]]:
    """The tokens that count of each text, in their order."""
    for row in targets:
        yield row[row >= 0].tolist()
