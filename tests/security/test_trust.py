"""What was typed is trusted, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from kdrun.security import trust


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    trust.end()
    yield
    trust.end()


def test_packages_are_those_that_were_typed() -> None:
    assert trust.packages(["plugins=[mine,other.part]", "+plugins=third", "x=plugins"]) == {
        "mine",
        "other.part",
        "third",
    }
    assert trust.packages(["plugins=${loss.names}"]) == set()


def test_a_package_that_a_file_names_is_told() -> None:
    trust.begin(["plugins=[mine]"])
    assert [*trust.faults(["mine"])] == []
    (told,) = trust.faults(["mine", "evil"])
    assert "plugins=[evil]" in told
    told, _ = trust.faults(["os", "posix"])
    assert told.startswith("plugins=[os,posix]: Python's own packages")


def test_outside_of_a_command_line_a_config_is_ones_own() -> None:
    assert [*trust.faults(["anything"])] == []
    assert [*trust.misplaced("../../x", "../y")] == []
    assert [*trust.reaching({"download": True}, {"a": {"uri": "http://x"}})] == []


@pytest.mark.parametrize(
    ("typed", "name", "cache", "count"),
    [
        ([], "default", "outputs/cache", 0),
        ([], "../x", "outputs/cache", 1),
        ([], "/x", "../y", 2),
        (["name=../x"], "../x", "outputs/cache", 1),
        (["name=../x", "hydra.run.dir=../x"], "../x", "outputs/cache", 0),
        (["cache=../y"], "default", "../y", 0),
    ],
)
def test_names_stay_inside_and_a_cache_goes_where_it_is_typed(
    typed: list[str], name: str, cache: str, count: int
) -> None:
    trust.begin(typed)
    assert len([*trust.misplaced(name, cache)]) == count


@pytest.mark.parametrize(
    ("typed", "dataset", "loggers", "told"),
    [
        ([], {"download": False, "root": "/x"}, {"m": {"uri": None}}, None),
        ([], {"download": True, "root": "data"}, {}, "type dataset.download=true"),
        (["dataset.download=true"], {"download": True, "root": "data"}, {}, None),
        (["dataset.download=true"], {"download": True, "root": "../x"}, {}, "dataset.root=../x"),
        (
            ["dataset.download=true", "dataset.root=../x"],
            {"download": True, "root": "../x"},
            {},
            None,
        ),
        ([], {}, {"mlflow": {"uri": "http://x"}}, "logger.mlflow.uri=http://x"),
        (["logger.mlflow.uri=http://x"], {}, {"mlflow": {"uri": "http://x"}}, None),
    ],
)
def test_nothing_is_fetched_or_sent_that_was_not_typed(
    typed: list[str], dataset: dict[str, object], loggers: dict[str, object], told: str | None
) -> None:
    trust.begin(typed)
    found = [*trust.reaching(dataset, loggers)]
    assert found == [] if told is None else told in found[0]


def test_data_are_fetched_into_the_folder_of_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KDRUN_DATA", "/data")
    trust.begin(["dataset.download=true"])
    assert [*trust.reaching({"download": True, "root": "/data/mnist"}, {})] == []
    assert [*trust.reaching({"download": True, "root": "/data/../x"}, {})] != []


def test_variables_are_read_where_they_are_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.setenv("KDRUN_X", "1")
    trust.begin(["seed=0"])
    with pytest.raises(ValueError, match="stands in a file"):
        trust.variable("SECRET", "default")
    assert trust.variable("KDRUN_X") == "1"
    assert trust.variable("KDRUN_NONE", "null") is None
    with pytest.raises(ValueError, match="is not set"):
        trust.variable("KDRUN_NONE")
    trust.begin(["name=${oc.env:SECRET}"])
    assert trust.variable("SECRET") == "s3cret"


def test_what_was_typed_is_handed_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    trust.begin(["plugins=[mine]"])
    handed = trust.handed_on(["seed=1"])
    assert json.loads(handed[trust.VARIABLE]) == ["plugins=[mine]"]
    monkeypatch.setenv(trust.VARIABLE, handed[trust.VARIABLE])
    trust.take_over()
    assert trust.words() == ["plugins=[mine]"]
    trust.take_over()
    assert trust.words() == []  # the variable is gone, and so is what it said
    trust.end()
    assert json.loads(trust.handed_on(["seed=1"])[trust.VARIABLE]) == ["seed=1"]


@pytest.mark.parametrize("broken", ["{", "{}", "3", '"plugins=[evil]"'])
def test_a_broken_variable_opens_nothing(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setenv(trust.VARIABLE, broken)
    trust.take_over()
    assert trust.words() == []


def test_parts_of_hydra_that_a_file_changes_are_told() -> None:
    own = {"launcher": {"_target_": "x"}, "run": {"dir": "a"}, "verbose": False}
    assert [*trust.foreign(own, own)] == []
    told = [*trust.foreign({**own, "callbacks": {"a": 1}, "run": {"dir": "b"}, "verbose": 1}, own)]
    assert [line.split()[0] for line in told] == ["hydra.callbacks", "hydra.run"]
