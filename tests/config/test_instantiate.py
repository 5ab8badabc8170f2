"""Names in yaml: what is found, what is refused, and which mistakes are told."""

from __future__ import annotations

import pytest
import torch

from kdrun.config.instantiate import call, faults, locate


class Net(torch.nn.Module):
    """A class of the user's."""

    def __init__(self, width: int, num_classes: int = 10) -> None:
        super().__init__()
        self.width, self.num_classes = width, num_classes


HERE = "tests.config.test_instantiate"


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "builtins.eval",
        "kdrun.cli.main",
        "kdrun.run.life.subprocess.run",
        "kdrun.dataset.image_folder.os.system",
        "torch.load",
        "torch.hub.load",
        "torch.nn.modules.module.weakref.ref",
        "sklearn.utils.os.system",
        f"{HERE}.Net",
    ],
)
def test_what_lies_outside_is_refused(path):
    with pytest.raises(ValueError, match="not allowed here"):
        locate(path, "model")


def test_a_plugin_is_trusted_by_name():
    assert locate(f"{HERE}.Net", "model", ["tests"]) is Net
    with pytest.raises(ValueError, match="not allowed"):
        locate(f"{HERE}.Net", "model", ["tests.config.test"])


def test_a_nearest_name_is_told():
    with pytest.raises(ValueError, match=r"no 'SDG' in torch.optim; did you mean 'SGD'\?"):
        locate("torch.optim.SDG", "optimizer")


def test_a_missing_package_is_told():
    with pytest.raises(ValueError, match="no module 'nowhere' is installed"):
        locate("nowhere.Net", "model", ["nowhere"])


def test_facts_fill_only_what_the_signature_names_and_yaml_leaves_open():
    net = call(
        {"_target_": f"{HERE}.Net", "width": 3}, "model", ["tests"], num_classes=7, in_channels=1
    )
    assert (net.width, net.num_classes) == (3, 7)
    own = {"_target_": f"{HERE}.Net", "width": 3, "num_classes": 4}
    assert call(own, "model", ["tests"], num_classes=7).num_classes == 4


def test_a_nested_target_is_called_first():
    sequence = {"_target_": "torch.nn.Linear", "in_features": 2, "out_features": 2}
    net = call({"_target_": f"{HERE}.Net", "width": sequence}, "model", ["tests"])
    assert isinstance(net.width, torch.nn.Linear)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, "no _target_"),
        ({"width": 3, "num_clases": 4}, "takes no 'num_clases'; did you mean 'num_classes'?"),
        ({"num_classes": 4}, "needs 'width', which is not set"),
        ({"width": "wide"}, "width='wide' is not of type int"),
        ({"width": True}, "width=True is not of type int"),
        ({"width": "???"}, "width is not set"),
        ({"width": {"_target_": "os.getcwd"}}, "not allowed"),
    ],
)
def test_faults_are_told_without_calling(config, told):
    if config:
        config = {"_target_": f"{HERE}.Net", **config}
    (fault,) = faults(config, "model", "student.model", ["tests"])
    assert told in fault
    assert fault.startswith("student.model")
