"""What a `_target_` may name, place by place."""

from __future__ import annotations

import pytest

from kdrun.config.instantiate import locate
from kdrun.security.places import INSIDE, PLACES, closed, inside, private, rules


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("dataset", "kdrun.dataset.digits.digits"),
        ("augment", "kdrun.dataset.augment.Augment"),
        ("reader", "kdrun.dataset.new.rows"),
        ("model", "kdrun.model.linear.Linear"),
        ("model", "torch.nn.Linear"),
        ("model", "torchvision.models.resnet18"),
        ("written", "kdrun.model.timm.create"),
        ("teacher", "kdrun.teacher.sklearn.sklearn"),
        ("estimator", "sklearn.svm.SVC"),
        ("loss", "kdrun.loss.kd.KD"),
        ("method", "kdrun.method.distill.Distill"),
        ("optimizer", "torch.optim.AdamW"),
        ("scheduler", "torch.optim.lr_scheduler.StepLR"),
    ],
)
def test_what_is_meant_is_found_at_its_place_and_nowhere_else(place: str, path: str) -> None:
    assert callable(locate(path, place))
    others = set(PLACES) - {place, "model", "written", "term"}
    for other in sorted(others):
        with pytest.raises(ValueError, match="is not allowed here"):
            locate(path, other)


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("model", "torch.nn.functional.relu"),  # a function
        ("model", "torch.nn.modules.module.torch.load"),  # what a module imports
        ("model", "torch.nn.Parameter"),  # a class, and no network
        ("model", "torchvision.models.get_model"),  # not of the registry
        ("model", "torchvision.models.resnet.resnet18"),
        ("model", "kdrun.model.timm.difflib.SequenceMatcher"),
        ("model", "kdrun.model.linear.Linear.__init__"),
        ("written", "kdrun.model.transformers.create"),  # which may fetch
        ("dataset", "kdrun.dataset.official.read_official"),  # not called as its module
        ("teacher", "kdrun.teacher.sklearn.load"),
        ("estimator", "sklearn.datasets.fetch_olivetti_faces"),
        ("estimator", "sklearn.model_selection.cross_val_score"),
        ("optimizer", "torch.optim.lr_scheduler.StepLR"),
        ("optimizer", "torch.optim.swa_utils.AveragedModel"),
        ("scheduler", "torch.optim.Adam"),
        ("logger", "kdrun.logger.Tracking"),
    ],
)
def test_what_lies_near_is_refused(place: str, path: str) -> None:
    with pytest.raises(ValueError, match=r"is not allowed here|does not exist"):
        locate(path, place)


def test_nothing_is_imported_for_a_name_outside_its_place() -> None:
    assert rules("model", "evil.Net") == []
    assert rules("model", "kdrun.modelling.Net") == []
    assert rules("loss", "kdrun.loss._hidden.Loss") == []


def test_an_opened_package_is_for_what_it_defines_itself(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path

    (Path(str(tmp_path)) / "mine_places.py").write_text(
        "from os import system\n\ndef net():\n    return 1\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert locate("mine_places.net", "model", ["mine_places"])() == 1
    with pytest.raises(ValueError, match="is not a class or function defined in"):
        locate("mine_places.system", "model", ["mine_places"])


def test_closed_packages() -> None:
    names = ["os", "torch.hub", "kdrun", "mine", "mine.part", "a-b", "", "sklearn"]
    assert closed(names) == ["os", "torch.hub", "kdrun", "a-b", "", "sklearn"]


def test_names_by_their_parts() -> None:
    assert inside("a.b", "a")
    assert not inside("ab", "a")
    assert private("a._b.c")
    assert not private("a.b_")


def test_places_within_places_exist() -> None:
    assert {inner for places in INSIDE.values() for inner in places} <= set(PLACES)
    assert set(INSIDE) <= set(PLACES)
