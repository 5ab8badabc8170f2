"""A teacher that is asked once: what it said of a view of the data is looked up ever after.

The first who needs the answers about a view asks for all of them, in the batches of its own epoch,
and writes them down; whoever comes meanwhile waits. The teacher is built only when it has to be
asked. In float32 the answers are the bits of the live teacher for the same batches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from kdrun.dataset.spot import Views
from kdrun.files.lock import held
from kdrun.score.latency import Latency, crowded
from kdrun.teacher.answers import Answers, encode, flat, form_of, lay_out, look_up, stem, whole
from kdrun.teacher.keeping import FIELDS, Keeping
from kdrun.teacher.network import Frozen
from kdrun.teacher.of_split import OfSplit
from kdrun.teacher.room import Room, told
from kdrun.types import Batch, Loader, Outputs, Shape

log = logging.getLogger(__name__)

ON_DEVICE = 2**31
"""Bytes of a view that lie on a GPU while an epoch is learnt; more are read a batch at a time."""


class AskedOnce(Frozen):
    """The teacher of a run, of whose answers those are kept that its training needs.

    Before the first epoch it answers as it is; from `begin_epoch` on it looks up. `keep` decides
    which, once: where not all that a loss reads can be kept it answers as it is all the time.

    Args:
        name: of the teacher.
        build: makes it, when it has to be asked.
        folder: of its answers about these data, below that of the room.
        room: where it lies.
        keep: what is wanted.
        loader: the training batches of the run.
        epochs: how many there are.
        samples: in each split but that of training, by its name and digits.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[], Frozen],
        folder: Path,
        room: Room,
        keep: Keeping,
        loader: Views,
        epochs: int,
        samples: dict[str, tuple[str, int]],
    ) -> None:
        torch.nn.Module.__init__(self)
        self.name, self.wanted, self.loader, self.samples = name, keep, loader, samples
        self.room, self.views = room, sorted({loader.view(e) for e in range(epochs)})
        self.fields: tuple[str, ...] | None = None
        self.passes = 0
        self.why_live = ""
        self.build = build
        self._built: list[Frozen] = []  # no part of the module: it is asked beside the training
        self._using = room.enter(folder)
        self.answers = Answers(folder, keep)
        self._view: int | None = None
        self._first: Outputs | None = None  # of its answers, about the first batch
        self._rows: dict[str, dict[str, Any]] = {}
        if not self.answers.about:
            self._introduce()

    @property
    def teacher(self) -> Frozen:
        """The teacher itself, which is built now if it was not yet."""
        if not self._built:
            devices = range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0)
            with torch.random.fork_rng(devices):  # nobody else draws other numbers for it
                self._built.append(self.build())
        return self._built[0]

    @property
    def is_built(self) -> bool:
        """Whether it was."""
        return bool(self._built)

    @property
    def network(self) -> torch.nn.Module:  # type: ignore[override]
        """Of the teacher."""
        return self.teacher.network

    @property
    def capturable(self) -> bool | str:
        """Whether a recorded step may ask it."""
        if self.why_live or not self.fields:
            return True
        size = len(self.loader.targets) * self.answers.per_sample(self.fields)
        return size <= ON_DEVICE or "the teacher's answers are read a batch at a time"

    def _introduce(self) -> None:
        """Write down what is to be known of the teacher without building it."""
        teacher = self.teacher
        with self._alone(".about"):
            if not self.answers.about.get("name"):
                self.answers.note(
                    name=self.name, live=teacher.live, size=teacher.size,
                    **{f"on_{split}": teacher.on(split) is not None for split in self.samples},
                )  # fmt: skip

    @contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        with held(self.answers.folder / f"{what}.lock", f"what teacher {self.name} says"):
            self.answers.look()
            yield

    def tell(self, sentences: list[str]) -> None:
        """Write down what was found and assumed of its weights."""
        with self._alone(".about"):
            self.answers.note(told=sentences)

    def since(self) -> float:
        """How often it was asked about all training samples since this was called before."""
        passes, self.passes = self.passes, 0
        return 1.0 if self.why_live else float(passes)

    def keep(self, fields: Iterable[str]) -> None:
        """Decide what of the answers is looked up, by what a loss reads; afterwards nothing.

        Raises:
            ValueError: more is read than is to be kept, or it cannot be kept.
        """
        needs = [f for f in Outputs._fields if f in {"logits", *fields}]
        if self.fields is None and not self.why_live:
            self._decide(needs)
        if self.why_live:
            self.teacher.keep(set(needs) - {"logits"})

    def _decide(self, needs: list[str]) -> None:
        explicit = self.wanted.fields is not None or not self.wanted.whole
        chosen = self.wanted.fields or tuple(needs)
        try:
            if missing := [field for field in needs if field not in chosen]:
                raise ValueError(
                    f"teacher.cache={'+'.join(chosen)}, and the loss reads {' and '.join(missing)} "
                    f"too: teacher.cache={missing[-1]}, or auto"
                )
            if not self.loader.complete:
                raise ValueError("not every sample comes once in each epoch (train.sampler)")
            if apart := [field for field in chosen if field not in FIELDS]:
                raise ValueError(f"{' and '.join(apart)} are of another size in each batch")
            self._reserve(chosen)
        except ValueError as error:
            if explicit:
                hint = "" if "teacher.cache" in str(error) else "; teacher.cache=none asks it live"
                raise ValueError(f"answers of teacher {self.name}: {error}{hint}") from error
            self.why_live = str(error)
            log.info("teacher %s is asked live: %s", self.name, error)
            self.add_module("live_teacher", self.teacher)

    def _reserve(self, fields: tuple[str, ...]) -> None:
        """Find out what the answers are like, tell how large they are, and make room for them."""
        if not self.answers.names(fields):
            self._meet(fields)
        samples = len(self.loader.targets)
        size = len(self.views) * samples * self.answers.per_sample(fields)
        self.room.reserve(self.answers.folder, size)
        self.fields = fields
        there = [view for view in self.views if self.answers.has(stem(view), fields)]
        log.info(
            "answers of teacher %s: %d views of %d samples, %s in %s, %s in %s; %d are there",
            self.name, len(self.views), samples, " and ".join(fields), self.wanted.format,
            told(size), self.answers.folder, len(there),
        )  # fmt: skip

    def _meet(self, fields: tuple[str, ...]) -> None:
        """Learn what some fields are like, from the first batch."""
        self.teacher.keep(set(fields) - {"logits"})
        self._first = said = self.teacher(next(iter(self.loader.epoch(0))))
        self.wanted.check(said, fields)
        forms = {name: form_of(tensor) for name, tensor in flat(said, fields).items()}
        if said.logits.ndim == 3 and self.loader.targets.ndim == 2:
            # Of texts, the longest of which may be in another batch.
            shape = self.loader.targets.shape[1], said.logits.shape[2]
            forms["logits"] = forms["logits"]._replace(shape=shape)
        with self._alone(".about"):
            self.answers.learn(forms)

    def example(self, loader: Loader) -> Outputs:
        """What it says of the first batch; looked up if it is there."""
        batch = next(iter(loader.epoch(0)))
        if not self.why_live and self.fields and self.answers.has(stem(0), self.fields):
            self.begin_epoch(0)
            try:
                return self.forward(batch)
            finally:
                self._view, self._rows = None, {}
        if self.fields and self._first is not None:
            return self._first
        return self.forward(batch)

    def begin_epoch(self, epoch: int) -> None:
        """Have the answers about an epoch at hand; ask for them if nobody has."""
        view, self._first = self.loader.view(epoch), None
        if self.why_live or not self.fields or view == self._view:
            return
        samples = len(self.loader.targets)
        parts = self.answers.open(stem(view), self.fields, samples)
        if parts is None:
            with self._alone(".asking"):
                parts = self.answers.open(stem(view), self.fields, samples)
                if parts is None:
                    self._ask(view)
                    parts = self.answers.open(stem(view), self.fields, samples)
        assert parts is not None
        self._view = view
        device = self.loader.targets.device
        if device.type == "cpu" or self.capturable is not True:
            self._rows = parts
        else:
            lay_out(parts, self._rows, device)

    def _ask(self, view: int) -> None:
        """Ask about all samples, in the batches of the first epoch that shows the view."""
        fields = self.fields
        assert fields is not None
        log.info("asking teacher %s about view %d", self.name, view + 1)
        for left in self.answers.folder.glob(f".{stem(view)}.*.tmp"):  # of a killed process
            left.unlink(missing_ok=True)
        self.teacher.keep(set(fields) - {"logits"})
        with self.answers.writing(stem(view), fields, len(self.loader.targets)) as parts:
            for batch in self.loader.epoch(view):
                said, rows = flat(self.teacher(batch), fields), batch.index.cpu().numpy()
                for name, arrays in parts.items():
                    how = self.answers.forms[name], self.wanted, batch.index, view
                    for end, values in encode(name, said[name], *how).items():
                        arrays[end][rows] = values
        self.passes += 1

    def forward(self, batch: Batch) -> Outputs:
        """The teacher's outputs, looked up once an epoch has begun."""
        if self.why_live or self._view is None:
            if self.fields and not self.why_live:  # others may have met it, and not this one
                self.teacher.keep(set(self.fields) - {"logits"})
            said: Outputs = self.teacher(batch)
            return said
        said = whole(look_up(self._rows, batch.index, self.answers))
        if said.logits.ndim == 3 and isinstance(batch.input, dict):  # as long as the batch
            key = "decoder_input_ids" if "decoder_input_ids" in batch.input else "input_ids"
            return said._replace(logits=said.logits[:, : batch.input[key].shape[1]])
        return said

    @property
    def _of_texts(self) -> bool:
        """Whether there are logits for each token, of which a split's are not held at once."""
        form = self.answers.forms.get("logits")
        return form is not None and len(form.shape) == 2

    def on(self, split: str) -> Frozen | None:
        """The teacher for another split, whose answers are kept as well."""
        if split not in self.samples or self.why_live or self._of_texts:
            return self.teacher.on(split)
        if not self.answers.about.get(f"on_{split}", True):
            return None
        digits, samples = self.samples[split]
        own = f"{split}-{digits[:16]}"
        return OfSplit(self.answers.folder, lambda: self.teacher.on(split), own, samples)

    @property
    def live(self) -> bool:
        """As the teacher's."""
        return bool(self.answers.about["live"])

    @property
    def size(self) -> int | None:
        """As the teacher's."""
        size: int | None = self.answers.about["size"]
        return size

    def facts(self) -> dict[str, float]:
        """As the teacher's who was asked first."""
        if "facts" not in self.answers.about:
            facts = self.teacher.facts()
            with self._alone(".about"):
                self.answers.note(facts=facts)
        found: dict[str, float] = self.answers.about["facts"]
        return found

    def timed(self, shape: Shape, device: torch.device, cache: Path | None) -> Latency:
        """As the teacher's; once measured in a quiet moment, it is not measured again."""
        known = self.answers.about.get("latency")
        if known is None or (crowded(known[2]) and self.is_built):
            known = [*self.teacher.timed(shape, device, cache)]
            with self._alone(".about"):
                self.answers.note(latency=known)
        return Latency(*known)
