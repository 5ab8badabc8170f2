"""What every loss promises, over every configs/loss/*.yaml.

A loss that cannot keep a promise stands in `EXCEPT` with its reason, by check and by loss or
"loss pair". An exception that is no longer needed fails too.
"""

from __future__ import annotations

import copy
import functools
import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from torch import Tensor, nn

from kdrun.config.instantiate import call
from kdrun.loss import Loss
from kdrun.types import Batch, Outputs
from tests.loss.trial import CNN, ViT, data

ADAPTER = "an untrained adapter lies between"
DENSE = "compares the pixels of a picture: test_dense.py"
BOXED = "compares what lies in boxes, or what heads say of them: test_detector.py"
EXCEPT: dict[str, dict[str, str]] = {
    "defined": {
        "fsp cnn-smaller": "widths differ",
        "fsp cnn-vit": "widths differ",
        "fsp vit-cnn": "widths differ",
        "fsp vit-vit": "widths differ",
        "ft cnn-smaller": "the last stage is a single pixel",
        "kdsvd cnn-smaller": "widths differ",
        "kdsvd cnn-vit": "widths differ",
        "kdsvd vit-cnn": "widths differ",
        "kdsvd vit-vit": "widths differ",
        "minilm cnn-smaller": "a CNN has no attention",
        "minilm cnn-vit": "a CNN has no attention",
        "minilm vit-cnn": "a CNN has no attention",
        "minilm cnn-cnn": "a CNN has no attention",
        **{
            f"{name} {pair}": DENSE
            for name in ("cirkd", "cwd", "ifvd")
            for pair in ("cnn-smaller", "cnn-vit", "vit-cnn", "cnn-cnn", "vit-vit")
        },
        **{
            f"{name} {pair}": BOXED
            for name in ("fgd", "response", "crosskd")
            for pair in ("cnn-smaller", "cnn-vit", "vit-cnn", "cnn-cnn", "vit-vit")
        },
    },
    "zero": {
        "ab": "zero only beyond a margin",
        "cc": ADAPTER,
        "ce": "a cross-entropy, focal: minimum in test_focal.py",
        "crd": ADAPTER,
        "fitnets": ADAPTER,
        "ft": ADAPTER,
        "ickd": ADAPTER,
        "mgd": ADAPTER,
        "nkd": "a cross-entropy: minimum in test_nkd.py",
        "norm_and_direction": "zero at the direction of the class mean: test_norm_and_direction.py",
        "ofd": ADAPTER,
        "pca_embedding": ADAPTER,
        "pca_hint": "the student's features, not their components, are matched",
        "review_kd": ADAPTER,
        "simkd": ADAPTER,
        "soft_ce": "a cross-entropy: minimum in test_soft_ce.py",
        "tf_kd": "reads no teacher",
        "ttm": "zero at tempered logits: test_ttm.py",
        "unic": ADAPTER,
        "vid": ADAPTER,
        "wttm": "zero at tempered logits: test_wttm.py",
    },
    "doubling": {
        "cc": "compares neighbours in the batch",
        "in_batch_kl": "each has a twin among the others then",
        "margin_mse": "each has a twin among the others then",
        "mgd": "draws its masks",
        "mlkd": "sums over pairs in the batch",
        "pkt": "its kernels are normalised over the batch",
        "rkd": "mean over triples, of which some become degenerate",
        "sp": "rows are normalised over the batch",
    },
    "batches": {"ce": "reads no teacher", "tf_kd": "reads no teacher"},
}

TERMS: dict[str, dict[str, Any]] = {
    name: term
    for path in sorted(Path(__file__).parents[2].glob("configs/loss/*.yaml"))
    for name, term in OmegaConf.to_container(OmegaConf.load(path)).get("terms", {}).items()  # type: ignore[union-attr]
}


class Smaller(CNN):
    """Half the height and the width."""

    def forward(self, batch: Batch) -> Outputs:
        assert isinstance(batch.input, Tensor)
        return super().forward(batch._replace(input=F.avg_pool2d(batch.input, 2)))


class Attentive(ViT):
    """With two heads of attention probabilities in each stage, and the mean of its tokens."""

    def forward(self, batch: Batch) -> Outputs:
        outputs = super().forward(batch)
        scores = [x @ x.transpose(1, 2) for x in outputs.features]
        attentions = tuple(torch.stack([s, -s], dim=1).softmax(3) for s in scores)
        embedding = outputs.features[-1].mean(1)
        return outputs._replace(
            logits=self.head(embedding), embedding=embedding, attentions=attentions
        )


# Teacher and student. Widths, sizes, depths and the kind of stage differ, or nothing does.
torch.manual_seed(0)
PAIRS: dict[str, tuple[nn.Module, nn.Module]] = {
    "cnn-smaller": (CNN(6, 10, 12), Smaller(4, 6, 8)),
    "cnn-vit": (CNN(6, 10, 12), Attentive(8, 3)),
    "vit-cnn": (Attentive(8, 6), CNN(4, 6, 8)),
    "cnn-cnn": (CNN(6, 8, 10), CNN(6, 8, 10)),
    "vit-vit": (Attentive(12, 6), Attentive(8, 3)),
}
for networks in PAIRS.values():
    for network in networks:
        with torch.no_grad():
            network.head.weight *= 10  # type: ignore[operator,union-attr]  # of some opinion


class Said(nn.Module):
    """A frozen teacher: only what it said of each batch."""

    def __init__(self, outputs: dict[int, Outputs]) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, batch: Batch) -> Outputs:
        return self.outputs[id(batch)]


class Trial(NamedTuple):
    """A loss, built and prepared, and the pair and batch that it is tried on."""

    loss: Loss
    student: nn.Module
    teacher: nn.Module
    batch: Batch

    def value(self, batch: Batch | None = None) -> Tensor:
        batch = batch or self.batch
        result: Tensor = self.loss(self.student(batch), self.teacher(batch), batch)
        return result


def make(name: str, teacher: nn.Module, student: nn.Module) -> Trial:
    torch.manual_seed(1)
    loader = data()
    batch = loader.batches[0]
    loss: Loss = call(TERMS[name], "loss")
    loss.progress = 0.5
    loss.build(student(batch), teacher(batch), loader.targets)
    with torch.no_grad():  # as a frozen teacher has it
        said = {id(b): teacher(b) for b in loader.batches}
    loss.prepare(Said(said), loader)
    return Trial(loss, student, teacher, batch)


@functools.cache
def kept(name: str, pair: str) -> Trial | str:
    try:
        return make(name, *PAIRS[pair])
    except ValueError as error:
        return str(error)


def trial(name: str, pair: str) -> Trial:
    """A fresh copy; skips where the loss says that it is not defined."""
    found = kept(name, pair)
    if isinstance(found, str):
        pytest.skip(found)
    return copy.deepcopy(found)


def excepted(check: str, *key: str) -> bool:
    return " ".join(key) in EXCEPT[check]


def each(outputs: Outputs, change: Any) -> Outputs:
    """Outputs with every tensor but the logits changed."""
    return Outputs(
        outputs.logits,
        None if outputs.embedding is None else change(outputs.embedding),
        *(tuple(change(x) for x in stages) for stages in outputs[2:5]),
    )


def large(x: Tensor) -> Tensor:
    """In a type whose squares overflow."""
    return (1000 * x).half()


losses = pytest.mark.parametrize("name", TERMS)
pairs = pytest.mark.parametrize("pair", PAIRS)


@losses
@pairs
def test_defined_or_says_why_not(name: str, pair: str) -> None:
    found = kept(name, pair)
    if excepted("defined", name, pair):
        assert isinstance(found, str)
        assert len(found) > 20
    else:
        assert isinstance(found, Trial), found


@losses
@pairs
def test_finite_scalar_in_full_and_half_precision(name: str, pair: str) -> None:
    t = trial(name, pair)
    student, teacher = t.student(t.batch), t.teacher(t.batch)
    for s, o in (
        (student, teacher),
        (each(student, Tensor.bfloat16), each(teacher, Tensor.bfloat16)),
        (each(student, large), each(teacher, large)),
    ):
        value = t.loss(s, o, t.batch)
        assert value.shape == ()
        assert value.dtype == torch.float32
        assert value.isfinite()


@losses
@pairs
def test_gradient_reaches_student_and_adapters_and_never_the_teacher(name: str, pair: str) -> None:
    t = trial(name, pair)
    t.value().backward()
    reached = [p.grad for p in t.student.parameters() if p.grad is not None]
    assert any(g.abs().max() > 0 for g in reached)
    assert all(g.isfinite().all() for g in reached)
    missed = [n for n, p in t.loss.named_parameters() if p.requires_grad and p.grad is None]
    assert not missed
    assert all(p.grad is None for p in t.teacher.parameters())


@losses
def test_zero_where_student_equals_teacher(name: str) -> None:
    for pair in ("cnn-cnn", "vit-vit"):
        if excepted("defined", name, pair):
            continue
        teacher, _ = PAIRS[pair]
        value = make(name, copy.deepcopy(teacher), copy.deepcopy(teacher)).value()
        assert (value.abs() < 1e-3) != excepted("zero", name), value


@losses
@pairs
def test_batches_that_differ_raise_with_both_shapes(name: str, pair: str) -> None:
    t = trial(name, pair)
    student, teacher = t.student(t.batch), t.teacher(t.batch)
    shorter = each(teacher, lambda x: x[:-1])._replace(logits=teacher.logits[:-1])
    if excepted("batches", name):
        t.loss(student, shorter, t.batch)
    else:
        with pytest.raises(ValueError, match=re.compile(r"\(8\b.*\(7\b", re.DOTALL)):
            t.loss(student, shorter, t.batch)


@losses
def test_a_batch_twice_has_the_same_loss(name: str) -> None:
    pair = "vit-vit" if excepted("defined", name, "cnn-cnn") else "cnn-cnn"
    t, twice = trial(name, pair), trial(name, pair)
    for network in (t.student, t.teacher, twice.student, twice.teacher):
        network.eval()
    doubled = Batch(*(torch.cat([x, x]) for x in t.batch if isinstance(x, Tensor)))
    torch.manual_seed(2)  # or what is drawn depends on which tests ran before
    same = torch.isclose(t.value(), twice.value(doubled), rtol=2e-4)
    assert same != excepted("doubling", name), (t.value(), twice.value(doubled))


@losses
@pairs
def test_state_is_whole(name: str, pair: str) -> None:
    t = trial(name, pair)
    t.value()
    fresh: Loss = call(TERMS[name], "loss")
    fresh.progress = t.loss.progress
    fresh.build(t.student(t.batch), t.teacher(t.batch), data().targets)
    fresh.load_state_dict(t.loss.state_dict())
    torch.manual_seed(2)
    expected = t.value()
    torch.manual_seed(2)
    assert torch.equal(t._replace(loss=fresh).value(), expected)


@losses
def test_docstring_names_a_paper(name: str) -> None:
    loss = call(TERMS[name], "loss")
    assert re.search(r"\d{4}\. https://", inspect.getdoc(type(loss)) or "")


def test_every_exception_names_a_loss() -> None:
    for check, entries in EXCEPT.items():
        for key, reason in entries.items():
            assert key.split()[0] in TERMS, check
            assert reason


@pytest.mark.parametrize("name", sorted(TERMS))
def test_a_temperature_is_above_zero_and_standard_logits_need_three_classes(name: str) -> None:
    settings = TERMS[name].keys()
    for key in settings & {"temperature", "start", "span", "exponent"}:
        for value in (0, -1.5, float("nan")):
            with pytest.raises(ValueError, match=f"{key}=.*must be above 0"):
                call({**TERMS[name], key: value}, "loss")
    if "standardize" in settings:
        loss = call({**TERMS[name], "standardize": True}, "loss")
        loss.check(3)
        with pytest.raises(ValueError, match="standardize=false"):
            loss.check(2)
