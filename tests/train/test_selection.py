"""The epoch that counts, chosen without a label of the target."""

from __future__ import annotations

import logging
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import entr, softmax
from torch import Tensor, nn

from kdrun.dataset.loader import make_loader
from kdrun.task.classification import Classification
from kdrun.train.selection import RULES, Selection, density, diversity, faults
from kdrun.types import Arrays, Batch, Loader, Outputs

TASK = Classification(("a", "b", "c", "d"))
SURE = 8 * torch.eye(4)[torch.arange(20) % 4]
SOFT = 1 * torch.eye(4)[torch.arange(20) % 4]
ONE = 8 * torch.eye(4)[torch.zeros(20, dtype=torch.int64)]


class Says(nn.Module):
    """A network that gives these logits, whatever it is asked."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits.clone())

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(self.logits[batch.index])


def rows(labels: bool = False) -> Loader:
    targets = torch.arange(20) % 4 if labels else torch.full((20,), -1)
    return make_loader(Arrays(torch.zeros(20, 1), targets), 8, seed=0, train=False)


def trained(rule: str, *epochs: Tensor) -> tuple[Selection, Any]:
    """A training whose student says these, epoch after epoch."""
    selection = Selection(rule, Says(SOFT), rows(), rows(labels=True), TASK)
    training = SimpleNamespace(history=[], best={}, epoch=0, student=None)
    for logits in epochs:
        training.epoch += 1
        training.student = Says(logits)
        training.history.append({"epoch": training.epoch, **selection.measure(training.student)})
        selection.keep(training)  # type: ignore[arg-type]
    return selection, training


def choice(rule: str, *epochs: Tensor) -> dict[str, Any]:
    selection, training = trained(rule, *epochs)
    found = selection.choice(training)
    if training.best:
        kept = training.best["weights"]["logits"]
        assert torch.equal(kept, epochs[found["epoch"] - 1])
    return found


def test_scores_are_their_formulas() -> None:
    logits = torch.randn(20, 4, generator=torch.Generator().manual_seed(0)).double()
    p = softmax(logits.numpy(), axis=1)
    mean = entr(p.mean(0)).sum()
    np.testing.assert_allclose(diversity(torch.from_numpy(p)), mean)
    _, training = trained("im", logits.float())
    np.testing.assert_allclose(training.history[0]["im"], mean - entr(p).sum(1).mean(), rtol=1e-5)
    unit = p / np.linalg.norm(p, axis=1, keepdims=True)
    total = 0.0
    for n in range(20):
        near = softmax([unit[n] @ unit[m] / 0.05 for m in range(20) if m != n])
        total += entr(near).sum() / 20
    np.testing.assert_allclose(density(torch.from_numpy(p)), total)


def test_the_last_epoch_counts_by_default() -> None:
    assert choice("last", SURE, SOFT, SURE) == {"rule": "last", "epoch": 3, "collapsed": False}


@pytest.mark.parametrize("rule", ["source_val", "im"])
def test_a_score_chooses_its_best_epoch(rule: str) -> None:
    found = choice(rule, SOFT.roll(1, 1), SURE, SOFT.roll(1, 1))
    assert (found["rule"], found["epoch"], found["collapsed"]) == (rule, 2, False)
    assert found["score"] == pytest.approx(1.0 if rule == "source_val" else math.log(4), abs=0.02)


def test_snd_likes_neighbours() -> None:
    scattered = 3 * torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    assert choice("snd", scattered, SURE, scattered)["epoch"] == 2


@pytest.mark.parametrize("rule", RULES)
def test_a_collapse_never_counts(rule: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = choice(rule, SOFT, SURE, ONE)
    assert found["collapsed"] is True
    assert found["epoch"] < 3
    assert rule != "last" or found["epoch"] == 2
    assert "the adaptation collapsed" in caplog.text


def test_where_all_collapsed_the_last_one_stays(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert choice("last", ONE, ONE) == {"rule": "last", "epoch": 2, "collapsed": True}
    assert "there is none that did not" in caplog.text


def test_source_val_needs_a_validation_split() -> None:
    with pytest.raises(ValueError, match="val_fraction=0 leaves none"):
        Selection("source_val", Says(SOFT), rows(), None, TASK)


def told(rule: str, *names: str, early_stop: int | None = None) -> list[str]:
    terms = {
        name: {"_target_": f"kdrun.transfer.{name}.{kind}"}
        for name, kind in {"shot": "SHOT", "entropy": "Entropy", "dann": "DANN"}.items()
        if name in names
    }
    return list(
        faults(
            {
                "method": {"select": rule},
                "transfer": {"name": names[-1], "terms": terms, "weights": dict.fromkeys(terms, 1)},
                "train": {"early_stop": early_stop},
                "plugins": [],
            }
        )
    )


@pytest.mark.parametrize("name", ["shot", "entropy"])
def test_no_score_is_used_that_a_term_optimises(name: str) -> None:
    assert told("im", "dann") == told("snd", name) == told("source_val", name) == []
    (fault,) = told("im", "dann", name)
    assert f"method.select=im is what transfer={name} optimises" in fault


def test_other_mistakes_are_told() -> None:
    assert "did you mean 'source_val'" in told("source-val", "dann")[0]
    assert "transfer=fine_tune is none" in told("im", "fine_tune")[0]
    assert "take method.select" in told("last", "dann", early_stop=3)[0]
