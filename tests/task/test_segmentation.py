"""One class a pixel: what is scored, what is compared, what a network must give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.metrics import accuracy_score, jaccard_score

from kdrun.loss.kd import KD
from kdrun.task.segmentation import Segmentation
from kdrun.types import Batch, Outputs

TASK = Segmentation(("sky", "road", "tree"))


def maps(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def some(n: int = 4, classes: int = 3) -> tuple[Outputs, Outputs, Batch]:
    generator = torch.Generator().manual_seed(2)
    target = torch.randint(-1, classes, (n, 6, 8), generator=generator)
    batch = Batch(torch.zeros(n, 3, 6, 8), target, torch.arange(n))
    return Outputs(maps(n, 3, 6, 8)), Outputs(maps(n, 3, 6, 8, seed=1)), batch


def test_metrics_are_those_of_scikit_learn() -> None:
    student, teacher, batch = some()
    tally = TASK.tally()
    for part in (slice(0, 1), slice(1, 4)):
        own = Batch(*(x[part] for x in batch[:3]))
        tally.add(Outputs(student.logits[part]), Outputs(teacher.logits[part]), own)
    metrics = tally.scores().metrics
    counts = batch.target >= 0
    true = batch.target[counts].numpy()
    said, theirs = (x.logits.argmax(1)[counts].numpy() for x in (student, teacher))
    assert metrics["miou"] == pytest.approx(jaccard_score(true, said, average="macro"))
    assert metrics["accuracy"] == pytest.approx(accuracy_score(true, said))
    assert metrics["teacher_miou"] == pytest.approx(jaccard_score(true, theirs, average="macro"))
    assert metrics["agreement"] == pytest.approx(float((said == theirs).mean()))


def test_a_class_that_no_pixel_is_of_does_not_count() -> None:
    target = torch.zeros(1, 2, 2, dtype=torch.long)
    logits = F.one_hot(torch.tensor([[[0, 0], [0, 2]]]), 3).permute(0, 3, 1, 2).float()
    tally = TASK.tally()
    tally.add(Outputs(logits), None, Batch(torch.zeros(1, 3, 2, 2), target, torch.arange(1)))
    assert tally.scores().metrics["miou"] == pytest.approx(3 / 4)


def test_smaller_maps_are_scored_at_the_size_of_the_labels() -> None:
    _, _, batch = some()
    small = maps(4, 3, 3, 4)
    large = F.interpolate(small, size=(6, 8), mode="bilinear", align_corners=False)
    tallies = []
    for logits in (small, large):
        tally = TASK.tally()
        tally.add(Outputs(logits), None, batch)
        tallies.append(tally.scores().metrics)
    assert tallies[0] == tallies[1]


def test_the_supervised_term_is_a_mean_over_the_pixels_that_count() -> None:
    student, _, batch = some()
    logits = student.logits.permute(0, 2, 3, 1)[batch.target >= 0]
    slow = F.cross_entropy(logits, batch.target[batch.target >= 0])
    torch.testing.assert_close(TASK.supervised(student, batch), slow)
    void = batch._replace(target=torch.full_like(batch.target, -1))
    assert TASK.supervised(student, void) == 0
    assert int(TASK.count(batch.target, True)) == int((batch.target >= 0).sum())


def test_rows_are_the_pixels_that_count() -> None:
    student, teacher, batch = some()
    rows = TASK.rows(student, teacher, batch)
    counts = batch.target >= 0
    assert torch.equal(rows.labels, batch.target[counts])
    assert torch.equal(rows.student, student.logits.permute(0, 2, 3, 1)[counts])
    assert rows.of is not None
    assert torch.equal(rows.of, counts.nonzero()[:, 0])


def test_maps_of_two_sizes_meet_at_the_smaller() -> None:
    student, _, batch = some()
    teacher = Outputs(maps(4, 3, 3, 4, seed=3))
    rows = TASK.rows(student, teacher, batch)
    labels = batch.target[:, ::2, ::2]
    assert torch.equal(rows.labels, labels[labels >= 0])
    pooled = F.avg_pool2d(student.logits, 2).permute(0, 2, 3, 1)[labels >= 0]
    torch.testing.assert_close(rows.student, pooled)


def test_kd_of_pixels_is_kd_of_rows() -> None:
    student, teacher, batch = some()
    rows = TASK.rows(student, teacher, batch)
    own = Batch(torch.zeros(len(rows.labels), 1), rows.labels, torch.arange(len(rows.labels)))
    value = KD(2.0)(Outputs(rows.student), Outputs(rows.teacher), own)
    p, q = ((x / 2).log_softmax(1) for x in (rows.teacher, rows.student))
    torch.testing.assert_close(value, 4 * (p.exp() * (p - q)).sum(1).mean())


@pytest.mark.parametrize("logits", [torch.zeros(2, 3), torch.zeros(2, 4, 6, 8), {"out": 1}])
def test_another_form_is_refused(logits: object) -> None:
    with pytest.raises(ValueError, match=r"needed is \(2, 3, h, w\).*fpn_resnet18"):
        TASK.check(logits, (3, 6, 8))


def test_targets_of_another_form_are_refused() -> None:
    TASK.accept(torch.zeros(2, 4, 4, dtype=torch.long))
    for wrong in (torch.zeros(2, dtype=torch.long), torch.zeros(2, 4, 4)):
        with pytest.raises(ValueError, match="classes of pixels"):
            TASK.accept(wrong)
    with pytest.raises(ValueError, match="mixup"):
        TASK.soft(torch.zeros(2, 4, 4))


def test_a_mask_is_written_with_a_palette(tmp_path: Path) -> None:
    student, _, _ = some(2)
    cells = list(TASK.answers(student, ["a/1", "b"], tmp_path / "masks"))
    for (file, *shares), logits in zip(cells, student.logits, strict=True):
        with Image.open(tmp_path / file) as image:
            assert image.mode == "P"
            mask = np.asarray(image)
        assert (mask == logits.argmax(0).numpy()).all()
        assert sum(map(float, shares)) == pytest.approx(1, abs=1e-5)
    assert [file for file, *_ in cells] == ["masks/a%2F1.png", "masks/b.png"]
    with pytest.raises(ValueError, match="--out"):
        next(TASK.answers(student, ["a", "b"], None))


def test_what_is_looked_at_names_each_class(tmp_path: Path) -> None:
    student, _, batch = some()
    tally = TASK.tally()
    tally.add(student, None, batch)
    tally.write(tmp_path)
    lines = (tmp_path / "iou.csv").read_text().splitlines()
    assert lines[0] == "class,iou,pixels"
    assert [line.split(",")[0] for line in lines[1:]] == list(TASK.classes)
    assert (tmp_path / "confusion.png").exists()
    assert sum(tally.predicted().values()) == int((batch.target >= 0).sum())


def test_masks_are_as_large_as_the_pictures() -> None:
    _, _, batch = some()
    shown = TASK.shown(Outputs(maps(4, 3, 3, 4)), batch)
    assert shown.logits.shape == (4, 3, 6, 8)
