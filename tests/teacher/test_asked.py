"""What a teacher said is looked up as it was said, to the bit, and only where it is the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kdrun.config.schema import Steps, Train
from kdrun.dataset.augment import Augment
from kdrun.dataset.loader import make_loader
from kdrun.method.distill import Distill
from kdrun.objective import Objective
from kdrun.task.classification import Classification
from kdrun.task.detection import Detection
from kdrun.teacher.asked import AskedOnce
from kdrun.teacher.base import Teacher
from kdrun.teacher.ensemble import Ensemble
from kdrun.teacher.keeping import Keeping
from kdrun.teacher.network import Frozen
from kdrun.teacher.room import Room
from kdrun.train import Training
from kdrun.train.capture import Captured
from kdrun.types import Arrays, Batch, Outputs
from tests.train.test_capture import LOSSES, TEXTS, data, go, net, terms, training

SETTINGS = Train(epochs=3, progress=False, step=Steps.eager)
MAPS = ("cirkd", "cwd", "ifvd")  # of a class a pixel, which these networks do not tell
BOXED = ("fgd", "response", "crosskd")  # of boxes, likewise

FIRST = 5
"""Samples of the first batch, which tells what answers are like."""

AUTO = Keeping(None, "float32")
SPLIT = data()


def batches(views: int | None = None, seed: int = 3) -> Any:
    view = Augment(crop_padding=1, flip=True, rotate=10, cutout=2)
    return make_loader(
        SPLIT, 5, seed=seed, train=True, augment=view, channels_last=True, views=views
    )


class Counted(Teacher):
    """A network that counts how many samples it is asked about."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.samples = network, 0

    def keep(self, fields: Any) -> None:
        self.network.keep(fields)  # type: ignore[operator]

    def forward(self, batch: Batch) -> Outputs:
        self.samples += len(batch.index)
        said: Outputs = self.network(batch)
        return said


def asked(
    place: Path,
    keep: Keeping = AUTO,
    loader: Any = None,
    counted: Counted | None = None,
    limit: int = 2**30,
    name: str = "a",
    epochs: int = 3,
) -> AskedOnce:
    counted = counted or Counted(net(1))
    root, loader = place / "answers", loader or batches()
    splits = {"test": ("0" * 64, len(SPLIT))}

    def build() -> Frozen:
        return Frozen(counted)

    return AskedOnce("x", build, root / name, Room(root, limit), keep, loader, epochs, splits)


def taught(
    name: str, teacher: Frozen, loader: Any, seed: int = 0, prepared: bool = True
) -> Training:
    losses, weights = terms(name)
    objective = Objective(losses, weights)
    student = net(seed, 4, (*objective.needs,))
    teacher.keep(objective.needs - {"logits"})
    first = next(iter(loader.epoch(0)))
    student.eval()
    with torch.no_grad():
        said = student(first)
    torch.manual_seed(0)
    objective.build(said, teacher.example(loader), SPLIT.targets)
    if prepared:
        objective.prepare(teacher, loader)
    method = Distill(objective.deploy(student), teacher, objective)
    return training(method, SETTINGS)


def weights_of(state: Training) -> dict[str, torch.Tensor]:
    return {k: v for k, v in state.method.state_dict().items() if not k.startswith("teacher.")}


def equal(a: Training, b: Training) -> bool:
    ours, theirs = weights_of(a), weights_of(b)
    losses = [[row[k] for k in sorted(row) if k.startswith("loss")] for row in a.history]
    others = [[row[k] for k in sorted(row) if k.startswith("loss")] for row in b.history]
    return losses == others and all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize(
    "name", [name for name in LOSSES if name not in (*TEXTS, *MAPS, *BOXED, "hidden")]
)
def test_every_loss_ends_with_the_bits_of_the_live_teacher(name, tmp_path):
    loader = batches()
    live = go(taught(name, Frozen(net(1)), loader), loader, SETTINGS)
    first, second = asked(tmp_path), asked(tmp_path)
    wrote = go(taught(name, first, loader), loader, SETTINGS)
    assert not first.why_live
    assert first.passes == 3
    read = go(taught(name, second, loader), loader, SETTINGS)
    assert second.passes == 0
    assert equal(live, wrote)
    assert equal(live, read)


def test_steps_over_static_tensors_look_up_too(tmp_path):
    loader, teacher = batches(), asked(tmp_path)
    live = go(taught("kd", Frozen(net(1)), loader), loader, SETTINGS)
    still = taught("kd", teacher, loader)
    go(still, loader, SETTINGS, Captured(still, loader, SETTINGS, None))
    assert equal(live, still)


def test_an_epoch_that_does_not_show_every_sample_is_asked_live(tmp_path):
    named = Classification(("a", "b", "c"))
    loader: Any = make_loader(SPLIT, 5, seed=3, train=True, task=named, even=True)
    teacher = asked(tmp_path, loader=loader)
    teacher.keep([])
    assert "not every sample comes once" in teacher.why_live


def test_what_is_there_is_looked_up_without_a_teacher(tmp_path):
    loader, counted = batches(), Counted(net(1))
    go(taught("kd", asked(tmp_path, counted=counted), loader), loader, SETTINGS)
    assert counted.samples == FIRST + 3 * len(SPLIT)  # the first batch tells what answers are like
    for seed in range(8):
        other = asked(tmp_path)
        go(taught("kd", other, loader, seed), loader, SETTINGS)
        assert not other.is_built


def test_who_comes_second_says_before_an_epoch_begins_what_a_loss_learns_from(tmp_path):
    for _ in range(2):  # the first writes down what answers are like, and the second reads that
        teacher = asked(tmp_path)
        teacher.keep(["embedding"])
        said = teacher(next(iter(batches().epoch(0))))
        assert said.embedding is not None


def test_views_come_again_and_are_asked_about_once(tmp_path):
    loader, counted = batches(views=2), Counted(net(1))
    first, _, third = (list(loader.epoch(epoch)) for epoch in range(3))
    assert not torch.equal(first[0].index, third[0].index)  # in another order
    ours, theirs = (
        torch.cat([b.input[b.index.argsort()] for b in sorted_by_index(one)])  # type: ignore[index]
        for one in (first, third)
    )
    assert torch.equal(ours, theirs)
    live = go(taught("kd", Frozen(net(1)), loader), loader, SETTINGS)
    teacher = asked(tmp_path, loader=loader, counted=counted)
    state = go(taught("kd", teacher, loader), loader, SETTINGS)
    assert counted.samples == FIRST + 2 * len(SPLIT)
    # In another order the batches are others, and so may be the last bits of the live teacher.
    for key, tensor in weights_of(live).items():
        assert torch.allclose(weights_of(state)[key].float(), tensor.float(), atol=1e-5)


def sorted_by_index(epoch: list[Batch]) -> Iterator[Batch]:
    index = torch.cat([b.index for b in epoch])
    inputs = torch.cat([b.input for b in epoch])  # type: ignore[misc]
    yield Batch(inputs, index, index)


def test_samples_that_nothing_changes_have_one_view():
    loader: Any = make_loader(SPLIT, 5, seed=3, train=True)
    assert {loader.view(epoch) for epoch in range(9)} == {0}


def test_going_on_ends_with_the_bits_of_no_pause(tmp_path):
    loader = batches(views=2)
    whole = go(taught("kd", asked(tmp_path / "a", loader=loader), loader), loader, SETTINGS)
    half = taught("kd", asked(tmp_path / "b", loader=loader), loader)
    go(half, loader, Train(epochs=2, progress=False, step=Steps.eager))
    state = half.state()
    assert not any(key.startswith("teacher.") for key in state["method"])
    rest = taught("kd", asked(tmp_path / "b", loader=loader), loader)
    rest.load(state)
    go(rest, loader, SETTINGS)
    assert equal(whole, rest)


class Sure(nn.Module):
    """Of whose answers some count more."""

    live = False

    def __init__(self) -> None:
        super().__init__()
        self.inner = net(1)

    def forward(self, batch: Batch) -> Outputs:
        return Outputs(self.inner(batch).logits, weight=(batch.index % 3).float())


def test_how_much_answers_count_is_kept(tmp_path):
    loader = batches()
    live = go(taught("kd", Frozen(Sure()), loader), loader, SETTINGS)
    teacher = asked(tmp_path, counted=Sure())  # type: ignore[arg-type]
    assert equal(live, go(taught("kd", teacher, loader), loader, SETTINGS))


def test_an_ensemble_keeps_its_logits_alone(tmp_path):
    loader = batches()

    def several() -> Any:
        members = {"a": Frozen(net(1)), "b": Frozen(net(2))}
        return Ensemble(members, None, "confidence", "probabilities")

    live = go(taught("kd", Frozen(several()), loader), loader, SETTINGS)
    teacher = asked(tmp_path, counted=several())
    assert equal(live, go(taught("kd", teacher, loader), loader, SETTINGS))
    stages = asked(tmp_path, counted=several(), name="b")
    stages.keep(["features"])
    assert "not what its members say" in stages.why_live
    both = Keeping(("logits", "features"), "float32")
    refused = asked(tmp_path, both, counted=several(), name="c")
    with pytest.raises(ValueError, match=r"teacher.cache=none asks it live"):
        refused.keep(["features"])


def test_more_is_read_than_kept(tmp_path):
    teacher = asked(tmp_path, Keeping(("logits",), "float32"))
    with pytest.raises(ValueError, match=r"the loss reads embedding too: teacher.cache=embedding"):
        teacher.keep(["embedding"])
    words = asked(tmp_path, name="b")
    words.keep(["tokens"])
    assert words.why_live == "tokens are of another size in each batch"


@pytest.mark.parametrize("form", ["half", "top2"])
def test_rounded_answers_are_as_near_as_rounding_says(form, tmp_path):
    loader = batches()
    teacher, live = asked(tmp_path, Keeping(None, form)), Frozen(net(1))
    teacher.keep([])
    teacher.begin_epoch(0)
    for batch in loader.epoch(0):
        ours, theirs = teacher(batch).logits, live(batch).logits
        best = theirs.topk(2).indices
        near = 2**-11 * theirs.abs() + 2**-24
        if form == "half":
            assert bool(((ours - theirs).abs() <= near).all())
        else:
            assert bool(((ours - theirs).abs() <= near).gather(1, best).all())
        p, q = ours.softmax(1), theirs.softmax(1)
        assert torch.allclose(p.gather(1, best).sum(1), q.gather(1, best).sum(1), atol=1e-3)


def test_stages_keep_bits_and_layout(tmp_path):
    loader, fields = batches(), ["embedding", "features", "preactivations"]
    teacher, live = asked(tmp_path), Frozen(net(1))
    teacher.keep(fields)
    live.keep(fields)
    teacher.begin_epoch(1)
    for batch in loader.epoch(1):
        ours, theirs = teacher(batch), live(batch)
        assert torch.equal(ours.embedding, theirs.embedding)
        for a, b in zip(ours.features, theirs.features, strict=True):
            assert torch.equal(a, b)
            assert a.is_contiguous() == b.is_contiguous()


def test_a_damaged_file_is_made_again(tmp_path):
    loader = batches()
    live = go(taught("kd", asked(tmp_path), loader), loader, SETTINGS)
    place = tmp_path / "answers" / "a"
    files = sorted(place.glob("view-*.npy"))
    files[0].write_bytes(files[0].read_bytes()[:-9])
    files[1].write_bytes(b"")
    np.save(files[2], np.zeros((3, 3), np.float32))
    teacher = asked(tmp_path)
    assert equal(live, go(taught("kd", teacher, loader), loader, SETTINGS))
    assert teacher.passes == 3


def test_answers_that_do_not_fit(tmp_path):
    small = asked(tmp_path, limit=500)
    small.keep([])
    assert "are more than cache_limit=500 bytes" in small.why_live
    explicit = asked(tmp_path, Keeping(("logits",), "float32"), limit=500)
    with pytest.raises(ValueError, match=r"cache_limit=500 bytes; teacher.cache=none asks it live"):
        explicit.keep([])


WRITER = """
import sys, time
from pathlib import Path
from tests.teacher.test_asked import Counted, asked, batches
from tests.train.test_capture import net
import torch
torch.set_num_threads(1)

class Slow(Counted):
    def forward(self, batch):
        with open(sys.argv[2], "a") as file:
            file.write("x" * len(batch.index))
        time.sleep(float(sys.argv[3]))
        return super().forward(batch)

teacher = asked(Path(sys.argv[1]), counted=Slow(net(1)))
teacher.keep([])
for epoch in range(3):
    teacher.begin_epoch(epoch)
"""


def start(place: Path, hook: Path, pause: float) -> subprocess.Popen[bytes]:
    here = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(here)}
    words = [sys.executable, "-c", WRITER, str(place), str(hook), str(pause)]
    return subprocess.Popen(words, cwd=here, env=environment)


def test_two_processes_ask_once_and_a_killed_one_leaves_nothing(tmp_path):
    hook, place = tmp_path / "asked", tmp_path / "answers" / "a"
    killed = start(tmp_path, hook, 0.3)
    limit = time.monotonic() + 120
    while not (temporaries := list(place.glob(".view-00000*.tmp"))):
        assert time.monotonic() < limit
        assert killed.poll() is None
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not list(place.glob("view-*.npy"))
    hook.write_text("")
    both = [start(tmp_path, hook, 0.01) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert not any(path.exists() for path in temporaries)
    assert len(list(place.glob("view-*.npy"))) == 3
    # A view each once; what answers are like was known from the one who was killed.
    assert len(hook.read_text()) == 3 * len(SPLIT)
    loader = batches()
    live = go(taught("kd", Frozen(net(1)), loader), loader, SETTINGS)
    assert equal(live, go(taught("kd", asked(tmp_path), loader), loader, SETTINGS))


class Heads(Teacher):
    """Says of N pictures a list of boxes, and what it scores at fixed places."""

    def forward(self, batch: Batch) -> Outputs:
        near = batch.index.float()[:, None, None]
        heads = (near.expand(-1, 3, 2), near.expand(-1, 3, 4))
        return Outputs(near.expand(-1, 7, 6), heads=heads)


def test_a_detector_is_asked_once_and_its_boxes_are_no_text(tmp_path: Path) -> None:
    boxes = Arrays(SPLIT.inputs, torch.zeros(len(SPLIT), 2, 6), task=Detection(("a",)))
    loader = make_loader(boxes, 5, seed=3, train=True, views=1, task=boxes.task)
    splits = {"test": ("0" * 64, len(SPLIT))}
    place, room = tmp_path / "answers" / "a", Room(tmp_path / "answers", 2**30)
    teacher = AskedOnce("x", lambda: Frozen(Heads()), place, room, AUTO, loader, 2, splits)
    teacher.keep({"heads"})
    teacher.begin_epoch(0)
    assert not teacher.why_live
    for batch in loader.epoch(1):
        said = teacher(batch)
        for found, live in zip((said.logits, *said.heads), flat_of(Heads()(batch)), strict=True):
            assert torch.equal(found, live)


def flat_of(outputs: Outputs) -> tuple[torch.Tensor, ...]:
    return outputs.logits, *outputs.heads
