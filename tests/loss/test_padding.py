"""How long a text is padded to changes no loss, over every configs/loss/*.yaml."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kdrun.config.instantiate import call
from kdrun.loss import Loss
from kdrun.model import build
from kdrun.model.features import Network
from kdrun.types import Batch, Loader, Outputs
from tests.hugging import classifier
from tests.loss.test_contract import TERMS

UNDEFINED = {
    ("fsp", "wide"): "only where the widths are equal",
    ("kdsvd", "wide"): "of the teacher differ",
}
DENSE = ("cirkd", "cwd", "ifvd", "fgd", "response", "crosskd")
"""What compares the pixels of pictures, or boxes in them."""

N, LENGTH = 12, 10


def texts(padding: int) -> Batch:
    draw = torch.Generator().manual_seed(0)
    mask = (torch.arange(LENGTH) < torch.randint(3, LENGTH, (N, 1), generator=draw)).long()
    ids = torch.randint(4, 80, (N, LENGTH), generator=draw) * mask
    pad = torch.zeros(N, padding, dtype=torch.int64)
    padded = {"input_ids": torch.cat([ids, pad], 1), "attention_mask": torch.cat([mask, pad], 1)}
    return Batch(padded, torch.arange(N) % 3, torch.arange(N))


class OneBatch:
    """A split of one batch."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.targets = batch, batch.target

    def __len__(self) -> int:
        return 1

    def epoch(self, epoch: int):  # type: ignore[no-untyped-def]
        yield self.batch


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Network]:
    folder = tmp_path_factory.mktemp("hub")
    sizes = {"teacher": 16, "same": 16, "wide": 24}
    return {
        name: build(
            {
                "_target_": "kdrun.model.transformers.create",
                "name": str(classifier(folder / name, labels=3, hidden_size=size)),
            },
            num_classes=3,
            shape={"input_ids": (LENGTH,), "attention_mask": (LENGTH,)},
        )
        .eval()
        .double()
        for name, size in sizes.items()
    }


def value(term: str, student: Network, teacher: nn.Module, padding: int) -> float:
    """The loss of a batch, built and prepared on texts of that padding too."""
    torch.manual_seed(0)
    loss = call(TERMS[term], "loss")
    assert isinstance(loss, Loss)
    batch = texts(padding)
    loader: Loader = OneBatch(batch)
    with torch.no_grad():
        said: list[Outputs] = [student(batch), teacher(batch)]
    loss.build(*said, batch.target)
    loss.double()
    loss.prepare(teacher, loader)
    torch.manual_seed(1)  # for those that draw masks or drop out
    result: float = loss(student(batch), teacher(batch), batch).item()
    return result


@pytest.mark.parametrize("student", ["same", "wide"])
@pytest.mark.parametrize("term", [term for term in TERMS if term not in DENSE])
def test_padding_changes_no_loss(term: str, student: str, models: dict[str, Network]) -> None:
    needs = {*call(TERMS[term], "loss").needs}
    for name in (student, "teacher"):
        models[name].keep(needs)
    if reason := UNDEFINED.get((term, student)):
        with pytest.raises(ValueError, match=reason):
            value(term, models[student], models["teacher"], 0)
        return
    short, long = (value(term, models[student], models["teacher"], p) for p in (0, 7))
    assert short == pytest.approx(long, rel=1e-5)
    assert short != 0
