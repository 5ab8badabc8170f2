"""Packages of the working folder: found where their names were typed, and only these."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from kdrun.security import trust


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Two packages of the working folder, which is not on the path, as for an installed kdrun."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])
    for name in ("heard_of", "unheard_of", "colorsys"):
        Path(name).mkdir()
        Path(name, "__init__.py").write_text("")
        Path(name, "nets.py").write_text("import torch\nclass Net(torch.nn.Linear): ...\n")
    yield "heard_of"
    trust.end()
    for name in [n for n in sys.modules if n.partition(".")[0] in ("heard_of", "unheard_of")]:
        del sys.modules[name]


def test_a_typed_name_is_found_with_what_lies_in_it(package):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("heard_of")
    trust.begin([f"plugins=[{package}]"])
    assert importlib.import_module("heard_of.nets").Net.__name__ == "Net"


def test_its_neighbours_are_not_found(package):
    trust.begin([f"plugins=[{package}]", "name=unheard_of"])
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("unheard_of")


def test_what_is_installed_comes_first(package):
    trust.begin(["plugins=[colorsys]"])
    sys.modules.pop("colorsys", None)
    assert "heard_of" not in str(importlib.import_module("colorsys").__file__)
    assert hasattr(importlib.import_module("colorsys"), "rgb_to_hsv")


def test_it_is_forgotten_with_the_command(package):
    trust.begin([f"plugins=[{package}]"])
    trust.end()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("heard_of")


def test_a_network_of_the_working_folder_is_trained(package, kdrun):
    Path("heard_of").mkdir(exist_ok=True)
    Path("heard_of", "__init__.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self, num_classes: int) -> None:\n"
        "        super().__init__(64, num_classes)\n"
        "    def forward(self, x):\n"
        "        return super().forward(x.flatten(1))\n"
    )
    words = ["student=linear", "student.model._target_=heard_of.Net", "method=supervised"]
    words += ["train.epochs=1", "train.progress=false"]
    told = kdrun(*words)
    assert told.status == 2
    assert "plugins=[heard_of]" in told.err
    told = kdrun(*words, "plugins=[heard_of]")
    assert told.status == 0, told.err
