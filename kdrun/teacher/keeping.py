"""What is to be kept of a teacher's answers, as its role says it. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kdrun.config.nearest import nearest
from kdrun.config.schema import WHOLE
from kdrun.security import bounds

if TYPE_CHECKING:
    from kdrun.batch import Outputs
    from kdrun.loss import Loss

FIELDS = ("logits", "embedding", "features", "preactivations", "attentions", "heads")
"""Of `Outputs`, those that can be kept: others have another size in each batch."""

WORDS = ("none", "auto", *FIELDS)

FORMATS = (*WHOLE, "half")
"""Of what is kept, beside `topK` and `sampledK`."""

FEW = re.compile(r"(top|sampled)([1-9][0-9]{0,3})")


class Keeping(NamedTuple):
    """What is kept of the answers.

    Attributes:
        fields: of `Outputs`; None: those that the loss reads, where it pays; empty: nothing.
        format: `float32`, as they were said; `half`; or, of logits alone, `topK`, the likeliest and
            the sum of the rest, or `sampledK`, so many drawn that are right on average.
    """

    fields: tuple[str, ...] | None
    format: str

    @property
    def few(self) -> int | None:
        """How many logits are kept of each sample; None: all."""
        found = FEW.fullmatch(self.format)
        return int(found[2]) if found else None

    @property
    def sampled(self) -> bool:
        """Whether these are drawn."""
        return self.few is not None and self.format.startswith("sampled")

    @property
    def whole(self) -> bool:
        """Whether what is kept has the bits of what was said."""
        return self.format in WHOLE

    def check(self, said: Outputs, fields: Sequence[str]) -> None:
        """Refuse answers that cannot be kept so.

        Args:
            said: of a batch.
            fields: of them, that are to be kept.

        Raises:
            ValueError: with what is in the way.
        """
        if said.members and set(fields) != {"logits"}:
            raise ValueError("of an ensemble the logits can be kept, not what its members say")
        if lacking := [field for field in fields if getattr(said, field) in (None, ())]:
            raise ValueError(f"it gives no {' and no '.join(lacking)}")
        if self.few and said.logits.ndim > 3:
            raise ValueError(
                f"teacher.cache_format={self.format} is of logits of samples and tokens"
            )
        if self.few and said.logits.shape[-1] <= self.few:
            raise ValueError(
                f"teacher.cache_format={self.format} of {said.logits.shape[-1]} logits: "
                "give fewer, or half"
            )

    def suits(self, terms: Mapping[str, Loss]) -> None:
        """Refuse losses for which a distribution that is right on average is not right.

        Args:
            terms: by name.

        Raises:
            ValueError: some term is not linear in what the teacher says.
        """
        for name, term in terms.items():
            if self.sampled and not (term.linear or term.teacher_free):
                raise ValueError(
                    f"loss.terms.{name}: teacher.cache_format={self.format} is right on average, "
                    "and so is what is linear in the teacher's probabilities alone: kd or soft_ce "
                    f"at temperature 1; for others give top{self.few}"
                )


def keeping(role: Mapping[str, Any]) -> Keeping:
    """What the keys `cache` and `cache_format` of a role mean.

    Raises:
        ValueError: a word is none of those there are; the nearest one is told.
    """
    said, form = role.get("cache", "auto"), str(role.get("cache_format", "float32"))
    named: list[str] = ["none"] if said is None else [said] if isinstance(said, str) else [*said]
    for word in map(str, named):
        if word not in WORDS or (len(named) > 1 and word in ("none", "auto")):
            raise ValueError(f"teacher.cache={word} is not defined; {nearest(word, WORDS)}")
    if form not in FORMATS and not FEW.fullmatch(form):
        hint = nearest(form, (*FORMATS, "top10", "sampled10"))
        raise ValueError(f"teacher.cache_format={form} is not defined; {hint}")
    if named == ["auto"]:
        return Keeping(None, form)
    fields = () if named == ["none"] else tuple(f for f in FIELDS if f in ("logits", *named))
    kept = Keeping(fields, form)
    if not fields and not kept.whole:
        raise ValueError(
            f"teacher.cache_format={form} wants answers to be kept: teacher.cache=auto"
        )
    return kept


def asked_live(plain: dict[str, Any]) -> None:
    """Let a config keep no answers."""
    for role in (plain.get("teacher"), plain["method"].get("assistant")):
        if role:
            role |= {"cache": "none", "cache_format": "float32"}


def faults(
    plain: Mapping[str, Any], roles: Iterable[tuple[str, Mapping[str, Any]]]
) -> Iterator[str]:
    """What is wrong with what a config says of views and answers.

    Args:
        plain: of the run.
        roles: of its networks, by their place in the config.
    """
    dataset = plain["dataset"]
    views, seed = dataset.get("views"), dataset.get("view_seed")
    if views is not None and not (isinstance(views, int) and views >= 1):
        yield f"dataset.views={views}: give 1 or more, or null for a new one in every epoch"
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        yield f"dataset.view_seed={seed}: give a whole number, or null for the seed of the run"
    try:
        bounds.size(str(plain["cache_limit"]))
    except ValueError:
        yield f"cache_limit={plain['cache_limit']}: give a number and a unit, such as 20GB"
    for where, role in roles:
        if ".members." in where and role.get("cache", "auto") not in ("auto", "none"):
            yield f"{where}.cache: an ensemble's answers are kept as one, by teacher.cache"
    try:
        kept = keeping(plain.get("teacher") or {})
    except ValueError as error:
        yield str(error)
        return
    if reason := _nobody(plain["method"], kept):
        yield reason


def _nobody(method: Mapping[str, Any], kept: Keeping) -> str:
    """Why answers that are to be kept are never given; empty if they are, or need not be."""
    asked = (kept.fields or not kept.whole) and method["name"] not in ("supervised", "source")
    if not asked or ("teacher" in method["uses"] and method["name"] != "stacked"):
        return ""
    name, word = method["name"], "teacher.cache" if kept.fields else "teacher.cache_format"
    told = WHY.get(name)
    return f"{word}: method={name} {told}; teacher.cache=none" if told else ""


WHY = {
    "mutual": "has teachers that learn as it goes, whose answers no other step can use",
    "ema": "has a teacher that is the student's own mean, whose answers no other step can use",
    "tf_kd": "has no teacher but a rule",
    "transfer": "asks no teacher",
    "stacked": "puts the student behind the teacher, whose answers it needs for new samples too",
}
"""What methods do that ask no teacher about training samples, in words."""
