"""The test split is read once, and the weights on disk tell all that reads new samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from kdrun.dataset.loader import make_loader
from kdrun.files.checkpoint import read_header, read_reader
from kdrun.model import build
from kdrun.model.features import Network
from kdrun.model.weights import rebuild
from kdrun.run.folder import STUDENT
from kdrun.run.scores import score, write_weights
from kdrun.teacher.base import Teacher
from kdrun.teacher.network import Frozen
from kdrun.types import Arrays, Batch, Dataset, Outputs

MLP = {"_target_": "kdrun.model.mlp.MLP", "hidden": [4]}
ROLE = {"name": "mlp", "model": MLP}
CPU = torch.device("cpu")


class Once:
    """The batches of a split, which may be read once."""

    def __init__(self, split: Arrays) -> None:
        self.inner = make_loader(split, 4, seed=0, train=False)
        self.targets, self.read = split.targets, 0

    def __len__(self) -> int:
        return len(self.inner)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        self.read += 1  # once somebody asks for a batch
        yield from self.inner.epoch(epoch)


def data() -> Dataset:
    x = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    split = Arrays(x, torch.arange(12) % 2)
    return Dataset(split, split, split, ["no", "yes"], (3,))


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build(MLP, num_classes=2, shape=(3,))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time is measured and no picture drawn: that takes a second, and has tests of its own."""
    monkeypatch.setattr("kdrun.results.plots.confusion", lambda *_: None)
    monkeypatch.setattr("kdrun.run.scores.cost", lambda *_: {"student_params": 26})
    monkeypatch.setattr("kdrun.run.scores.taught", lambda *_: {"compression": 2.0})


def scored(folder: Path, **more: Any) -> tuple[dict[str, Any], dict[str, int]]:
    given: dict[str, Any] = {"data": data(), "test": Once(data().test), "teacher": None, **more}
    return score(network(), ROLE, folder, **given, batch_size=4, device=CPU)


def test_metrics_are_those_of_the_test_split_which_is_read_once(tmp_path: Path) -> None:
    test = Once(data().test)
    metrics, predicted = scored(tmp_path, test=test)
    assert test.read == 1
    student, split = network().eval(), data().test
    said = student(Batch(split.inputs, split.targets, torch.arange(12))).logits.argmax(1)
    assert metrics["test_accuracy"] == pytest.approx((said == split.targets).float().mean().item())
    assert predicted == {"no": int((said == 0).sum()), "yes": int((said == 1).sum())}
    assert metrics["student_params"] == 26
    assert metrics["student_mb"] == (tmp_path / STUDENT).stat().st_size / 2**20
    assert "agreement" not in metrics


def test_a_teacher_is_agreed_with_where_it_has_answers_for_the_split(tmp_path: Path) -> None:
    metrics, _ = scored(tmp_path, teacher=Frozen(network()))
    assert metrics["agreement"] == 1.0
    assert metrics["teacher_accuracy"] == metrics["test_accuracy"]
    assert metrics["compression"] == 2.0

    class Silent(Teacher):
        """Has answers for the training data alone."""

        def on(self, split: str) -> Teacher | None:
            return None

        def forward(self, batch: Batch) -> Outputs:
            raise AssertionError("asked about the test split")

    metrics, _ = scored(tmp_path, teacher=Frozen(Silent()))
    assert "agreement" not in metrics


def test_tables_of_the_validation_split_are_written_only_with_one(tmp_path: Path) -> None:
    scored(tmp_path)
    assert not list(tmp_path.glob("*_val.csv"))
    scored(tmp_path, val=Once(data().test))
    assert list(tmp_path.glob("*_val.csv"))


def test_the_weights_rebuild_the_student(tmp_path: Path) -> None:
    scored(tmp_path)
    again = rebuild(tmp_path / STUDENT)
    own = network().state_dict()
    assert all(torch.equal(own[name], value) for name, value in again.state_dict().items())
    assert read_header(tmp_path / STUDENT)["classes"] == ["no", "yes"]


class Reads(nn.Module):
    """Reads tokens, and rows of numbers beside them if it is asked for these."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(input_ids.float())
        return found


class Beside(Reads):
    def forward(self, input_ids: torch.Tensor, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return super().forward(input_ids) + x


@pytest.mark.parametrize(
    ("reads", "kept"), [(None, {"words"}), (Reads, {"tokens"}), (Beside, {"words", "tokens"})]
)
def test_of_words_and_tokens_only_what_is_read_is_written(
    tmp_path: Path, reads: type[Reads] | None, kept: set[str]
) -> None:
    own = network() if reads is None else Network(reads())
    texts = replace(data(), shape={"x": (3,), "input_ids": (3,)}, reader={**TOLD})
    write_weights(tmp_path / "w.safetensors", own, ROLE, texts)
    written = read_reader(tmp_path / "w.safetensors")
    assert written is not None
    assert {key for key, value in written.items() if value is not None} == {"text", *kept}
    assert texts.reader == TOLD  # the data keep all


TOLD = {"text": "t", "tokens": {"a": 1}, "words": {"b": 2}}
