"""What a teacher said of a validation or test split, written down as it is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from kdrun.files.lock import held
from kdrun.teacher.answers import Answers, encode, flat, form_of, look_up, whole
from kdrun.teacher.keeping import Keeping
from kdrun.teacher.network import Frozen
from kdrun.types import Batch, Outputs

WHOLE = Keeping(("logits",), "float32")


class OfSplit(Frozen):
    """Looks up what was said of a split, or asks and writes it down once all of it was said.

    Args:
        folder: of the teacher's answers.
        teacher: makes the teacher for the split, when it has to be asked.
        stem: of the files.
        samples: of the split.
    """

    def __init__(
        self, folder: Path, teacher: Callable[[], Frozen | None], stem: str, samples: int
    ) -> None:
        torch.nn.Module.__init__(self)
        self.stem, self.samples = stem, samples
        self.answers = Answers(folder, WHOLE)
        self.parts = self.answers.open(stem, ["logits"], samples)
        self.said: dict[str, Tensor] = {}
        self.seen = torch.zeros(samples, dtype=torch.bool)
        # A part of the module, whose buffers are put back by who asks only to judge.
        self.inner = teacher() if self.parts is None else None

    @property
    def live(self) -> bool:
        """As the teacher's."""
        return bool(self.answers.about["live"])

    def forward(self, batch: Batch) -> Outputs:
        """The logits, and how much they count."""
        if self.parts is not None:
            return whole(look_up(self.parts, batch.index, self.answers))
        assert self.inner is not None
        said: Outputs = self.inner(batch)
        self._keep(flat(said, ["logits"]), batch.index.cpu())
        return said

    def _keep(self, said: dict[str, Tensor], index: Tensor) -> None:
        """Remember a batch; write all down when it was the last one."""
        if self.said.keys() not in (set(), said.keys()):
            return  # only of some samples it is said how much they count
        for name, tensor in said.items():
            own = tensor.detach().cpu()
            if name not in self.said:
                self.said[name] = own.new_zeros((self.samples, *own.shape[1:]))
            self.said[name][index] = own
        self.seen[index] = True
        if not bool(self.seen.all()):
            return
        with held(self.answers.folder / ".about.lock", "what a teacher says"):
            self.answers.learn({name: form_of(tensor) for name, tensor in self.said.items()})
        with self.answers.writing(self.stem, ["logits"], self.samples) as parts:
            for name, arrays in parts.items():
                form = self.answers.forms[name]
                for end, values in encode(name, self.said[name], form, WHOLE).items():
                    arrays[end][:] = values
        self.parts = self.answers.open(self.stem, ["logits"], self.samples)
