"""Packages that can be called stay packages."""

from __future__ import annotations

import sys

import pytest

import kdrun.compare
from kdrun.callable import Callable


@pytest.mark.parametrize("name", ["run", "sweep", "compare"])
def test_a_package_of_kdrun_is_the_function_of_its_name(name, monkeypatch):
    __import__(f"kdrun.{name}")
    package = sys.modules[f"kdrun.{name}"]
    assert isinstance(package, Callable)
    monkeypatch.setattr(f"kdrun.api.{name}", lambda *words, **settings: (words, settings))
    assert package("a", b=1) == (("a",), {"b": 1})
    assert hasattr(package, "__path__")


def test_what_lies_in_it_is_still_there():
    assert kdrun.compare.named("a", ["a"]) == ["a"]
