"""Groups have names that tell them apart, and colours and panels where those help."""

from __future__ import annotations

import itertools
import random

from kdrun.report.legend import COLOURS, PANELS, legend


def losses_and_students():
    """Labels alone and two losses, for two students, as compare tells them apart."""
    groups = [
        {"method": "distill", "teacher": "resnet56", "student": student, "loss": loss}
        for student, loss in itertools.product(("resnet8", "vgg8"), ("dkd", "kd"))
    ]
    control = {"method": "supervised", "teacher": None, "loss": None}
    return [*groups, *({**control, "student": student} for student in ("resnet8", "vgg8"))]


def test_what_a_column_already_says_is_not_said_again():
    told = legend(losses_and_students())
    assert told.names[0] == "resnet8 · dkd"
    assert told.names[-1] == "vgg8 · supervised"
    assert told.series == ["dkd", "kd", "supervised"]
    assert told.panels == ["resnet8", "vgg8"]
    assert [axis["name"] for axis in told.axes] == ["student", "loss"]


def test_names_tell_groups_apart_whatever_they_are():
    rng = random.Random(0)
    choice = [None, "a", "b", 1, 0.5, True]
    for _ in range(200):
        columns = rng.sample(["method", "teacher", "student", "loss", "epochs", "x.y", "z.y"], 3)
        values = {tuple(rng.choice(choice) for _ in columns) for _ in range(6)}
        groups = [dict(zip(columns, each, strict=True)) for each in values]
        told = legend(groups)
        assert len(set(told.names)) == len(groups)
        assert len(told.series) <= COLOURS
        assert len(told.panels) <= PANELS


def test_too_many_for_colours_have_none_and_one_panel():
    groups = [{"optimizer.lr": 0.001 * (i + 1), "loss.a": i % 3} for i in range(60)]
    told = legend(groups)
    assert told.series == []
    assert set(told.series_of) == {None}
    assert told.panels == [""]
    assert [axis["numeric"] for axis in told.axes] == [True, True]


def test_a_setting_that_repeats_another_is_no_axis():
    groups = [{"optimizer.lr": x, "scheduler.max_lr": x} for x in (0.1, 0.01)]
    assert [axis["name"] for axis in legend(groups).axes] == ["optimizer.lr"]


def test_numbers_come_by_size():
    groups = [{"train.batch_size": size} for size in (128, 16, 64)]
    assert legend(groups).series == ["batch_size 16", "batch_size 64", "batch_size 128"]
