"""The next token, at every place of a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from kdrun.task import Rows, Task, portions
from kdrun.task.metrics import BESIDE_A_LANGUAGE_MODEL, GENERATION, Metric
from kdrun.task.next_tokens import NextTokens

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from kdrun.batch import Batch, Outputs, Shape


@dataclass(frozen=True)
class Generation(Task):
    """Targets are (N, L) int64 tokens, -1 where none counts: prompts, separators, padding.

    The target at a place is the token after it, so that nothing is shifted later on. Logits are
    (N, L', V) with L' up to L: what lies beyond is padding. The rows that losses between logits
    compare are the places that count.

    Attributes:
        vocabulary: V, how many tokens there are.
        end: the token after a text; -1 where none is known, and texts are not written.
        most: tokens that are written of a text, its end included.
        prompted: whether texts begin with a prompt that is to be completed, so that completions are
            measured too.
        tokenizer: what makes texts of tokens, as JSON; None where it is not at hand.
        packed: whether rows of training samples hold several texts.
    """

    vocabulary: int = 0
    end: int = -1
    most: int = 64
    prompted: bool = False
    tokenizer: str | None = field(default=None, repr=False, compare=False)
    packed: bool = field(default=False, repr=False, compare=False)

    name: ClassVar[str] = "generation"
    metrics: ClassVar[tuple[Metric, ...]] = GENERATION
    beside: ClassVar[tuple[Metric, ...]] = BESIDE_A_LANGUAGE_MODEL
    criterion: ClassVar[str] = "nll"
    headline: ClassVar[str] = "perplexity"
    watched: ClassVar[tuple[str, ...]] = ("nll", "accuracy")

    @property
    def width(self) -> int:
        """A column for each token."""
        return self.vocabulary

    def check(self, logits: object, shape: Shape) -> None:
        """Refuse an output that is no distribution over the tokens at each place."""
        size = getattr(logits, "shape", None)
        got = type(logits).__name__ if size is None else tuple(size)
        if size is None or len(size) != 3 or size[0] != 2 or size[2] != self.width:
            raise ValueError(
                f"gives {got} for two texts of shape {shape}, needed is (2, L, {self.width}), a "
                "score for each next token at each place: take a language model, such as "
                "student=gpt2"
            )

    def accept(self, targets: Tensor) -> None:
        """Refuse what are no tokens at places."""
        if targets.ndim != 2 or targets.is_floating_point() or not self.vocabulary:
            raise ValueError(
                "generation is of (N, L) tokens, and the data have targets of the shape "
                f"{tuple(targets.shape)}: take dataset=lines or dataset=pairs"
            )

    def known(self, targets: Tensor) -> Tensor:
        """Texts of which some token counts."""
        return (targets >= 0).any(1)

    def count(self, targets: Tensor, labelled: bool) -> Tensor:
        """The tokens that count: the others are rows of no term."""
        return (targets >= 0).sum()

    def soft(self, targets: Tensor) -> Tensor:
        """Refused: a mean of two texts is no text."""
        raise ValueError("augment.mixup mixes the labels of samples, not of tokens: set it to 0.")

    def present(self, targets: Tensor) -> dict[str, Any]:
        """Texts without a token that counts, and how many do."""
        tokens = int((targets >= 0).sum())
        return {"unlabelled": int((~self.known(targets)).sum()), "tokens": tokens}

    def supervised(
        self, outputs: Outputs, batch: Batch, smoothing: float = 0.0, scale: float = 1.0
    ) -> Tensor:
        """Cross-entropy, mean over the tokens of the batch that count, not over its texts."""
        logits, target = self._places(outputs, batch)

        def summed(logits: Tensor, target: Tensor) -> Tensor:
            return F.cross_entropy(
                logits, target, ignore_index=-1, reduction="sum", label_smoothing=smoothing
            )

        few = portions.whole(logits)
        found = summed(logits, target) if few else portions.total(summed, logits, target)
        return found / (target >= 0).sum().clamp(min=1)

    def _places(self, outputs: Outputs, batch: Batch) -> tuple[Tensor, Tensor]:
        """(N · L', V) and (N · L',)."""
        logits = outputs.logits
        return logits.flatten(0, 1), batch.target[:, : logits.shape[1]].flatten()

    def rows(self, student: Outputs, teacher: Outputs, batch: Batch) -> Rows:
        """The places that count; each of the text that it is part of."""
        s, labels = self._places(student, batch)
        t, _ = self._places(teacher, batch)
        if len(s) != len(t):
            raise ValueError(
                f"the student says {len(s)} and the teacher {len(t)} tokens of a batch: they cut "
                "texts differently, and nothing says which belong together"
            )
        counts = labels >= 0
        texts = torch.arange(len(batch.target), device=labels.device)
        of = texts.repeat_interleave(student.logits.shape[1], output_size=len(labels))
        return Rows(s[counts], t[counts], labels[counts], None, of[counts])

    def alone(self, method: str) -> None:
        """Refuse rows of several texts, which nobody goes on with.

        Raises:
            ValueError: these are such.
        """
        if self.packed:
            raise ValueError(f"method={method} completes single texts: set dataset.packed=false")

    def compares(self, fields: set[str]) -> None:
        """Refuse a term that reads of a whole row what it has of each text."""
        if self.packed and (more := sorted(fields - {"logits"})):
            raise ValueError(
                f"it reads {' and '.join(more)}, and rows hold several texts: take "
                "dataset.packed=false, or a loss between logits, such as kd"
            )

    def tally(self) -> NextTokens:
        """Sums over tokens."""
        return NextTokens()

    @property
    def described(self) -> dict[str, Any]:
        """Without the tokenizer, which stands in what reads new files, and without what is of
        training."""
        told = super().described
        del told["tokenizer"], told["packed"]
        return told

    def reading(self, reader: Mapping[str, Any] | None) -> Self:
        """The same with the tokenizer of those files."""
        told = (reader or {}).get("tokenizer")
        return replace(self, tokenizer=told) if isinstance(told, str) else self

    def measured(
        self, student: nn.Module, batches: Iterable[Batch], folder: Path
    ) -> dict[str, float]:
        """How good the completions of a split are that a student writes; they go into a table."""
        if not self.prompted or self.tokenizer is None:
            return {}
        from kdrun.task.completions import measure

        return measure(self, student, batches, folder)

    def columns(self) -> list[str]:
        """What comes after a text.

        Raises:
            ValueError: nobody knows where texts end.
        """
        if self.end < 0 or self.tokenizer is None:
            raise ValueError(
                "its file does not say how texts are cut into tokens: it is of an older kdrun; "
                "train it again to let it write"
            )
        return ["completion"]

    def said(
        self, network: nn.Module, batch: Batch, names: Sequence[str], folder: Path | None
    ) -> Iterator[list[str]]:
        """What a network writes after the texts of a batch, the likeliest token each time."""
        from kdrun.task.completions import complete

        assert self.tokenizer is not None
        for text in complete(self, network, batch):
            yield [text]

    def labels(self, targets: Tensor) -> list[str]:
        """None that fits a cell."""
        return [""] * len(targets)
