"""Completions that a student writes: their texts, how good they are, and a table to read."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from kdrun.dataset.bpe import decoded
from kdrun.dataset.layout import completions
from kdrun.task.decode import Chooser, decode, likeliest, prompts
from kdrun.task.rouge import rouge_l

if TYPE_CHECKING:
    from kdrun.batch import Batch

log = logging.getLogger(__name__)

TABLE = "completions.csv"
"""In the folder of a run."""


class Written(Protocol):
    """What of a task its completions depend on; see `Generation`."""

    @property
    def end(self) -> int:
        """The token that ends a text; -1 for none."""
        ...

    @property
    def most(self) -> int:
        """How many tokens a completion may have."""
        ...

    @property
    def tokenizer(self) -> str | None:
        """What spells tokens, as JSON."""
        ...


def write(task: Written, model: nn.Module, batch: Batch, choose: Chooser = likeliest) -> Tensor:
    """(N, T) tokens that a model writes after the prompts of a batch, -1 after the end of each.

    Args:
        task: which knows the end, and how many there may be.
        model: from `Batch` to `Outputs`, over a model of transformers.
        batch: of which only the prompts are read.
        choose: which token comes next.
    """
    network: Any = getattr(model, "inner", model)  # what a loss put around it does not write
    given = network.own(batch.input)
    assert isinstance(given, dict)
    device = batch.index.device.type
    context = nullcontext() if network.dtype is None else torch.autocast(device, network.dtype)
    with context:
        return decode(network.net, prompts(given, batch.target), task.end, task.most, choose)


def complete(task: Written, model: nn.Module, batch: Batch) -> list[str]:
    """What a model writes after the prompts of a batch, as texts."""
    assert task.tokenizer is not None
    return decoded(task.tokenizer, _without(write(task, model, batch), task.end))


def measure(
    task: Written, model: nn.Module, batches: Iterable[Batch], folder: Path
) -> dict[str, float]:
    """Let a student complete a split, and write a table of it.

    Args:
        task: with a tokenizer.
        model: in evaluation mode.
        batches: of the split.
        folder: where `completions.csv` goes.
    """
    assert task.tokenizer is not None
    rows: list[tuple[str, str, str]] = []
    for batch in batches:
        said = complete(task, model, batch)
        assert isinstance(batch.input, dict)
        given = prompts(batch.input, batch.target)
        asked = [
            ids[mask > 0].tolist()
            for ids, mask in zip(given["input_ids"], given["attention_mask"], strict=True)
        ]
        wanted = _without(batch.target, task.end)
        texts = decoded(task.tokenizer, asked), said, decoded(task.tokenizer, wanted)
        rows += zip(*texts, strict=True)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["prompt", "completion", "reference"])
    table.writerows(rows)
    from kdrun.results.record import write_atomic

    write_atomic(folder / TABLE, text.getvalue())
    return scores([said for _, said, _ in rows], [wanted for _, _, wanted in rows])


def scores(said: Sequence[str], wanted: Sequence[str]) -> dict[str, float]:
    """How good completions are: shares of one, more is better.

    ROUGE-L (Lin, 2004) is that of `kdrun.task.rouge`. chrF (Popović, 2015) and BLEU (Papineni et
    al., 2002) are those of `sacrebleu`, over all texts; without it they are left out: that is told.

    Args:
        said: N texts.
        wanted: one reference for each.
    """
    same = sum(one.strip() == other.strip() for one, other in zip(said, wanted, strict=True))
    found = {"exact_match": same / max(len(said), 1), "rouge_l": rouge_l(said, wanted)}
    try:
        import sacrebleu
    except ImportError:
        log.info("BLEU and chrF of completions need the extra: pip install 'kdrun[translation]'")
        return found
    found["chrf"] = sacrebleu.corpus_chrf(list(said), [list(wanted)]).score / 100
    found["bleu"] = sacrebleu.corpus_bleu(list(said), [list(wanted)], force=True).score / 100
    return found


def _without(tokens: Tensor, end: int) -> list[list[int]]:
    """The tokens of each text that count, without its end."""
    return [[token for token in row if token != end] for row in completions(tokens)]
