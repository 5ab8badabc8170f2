"""The header of a file of weights, which may come from anybody, is checked key by key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kdrun.security.header import CHECKS, OPTIONAL, WIDEST, faults, parse_header, parse_object


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What a header may take is measured by the file that it is in."""
    path = tmp_path / "w.safetensors"
    path.touch()
    return path


HEADER: dict[str, Any] = {
    "name": "mlp",
    "model": {"_target_": "kdrun.model.mlp.MLP", "hidden": [4]},
    "classes": ["a", "b"],
    "shape": [3, 8, 8],
    "mean": [0.1, 0.2, 0.3],
    "std": [1, 1, 1],
}


def test_a_header_of_ours_is_right_whatever_it_has_beside(file: Path) -> None:
    assert faults(HEADER) == []
    more = {"unit": [0.5, 2.0], "task": None, "around": {"_target_": "x"}, "reads": [4]}
    assert faults({**HEADER, **more, "precision": "bfloat16", "of_later": object}) == []
    assert faults({**HEADER, "shape": {"input_ids": [64], "x": [9]}}) == []
    assert parse_header(json.dumps(HEADER), file) == HEADER


@pytest.mark.parametrize("key", sorted({*CHECKS} - {*OPTIONAL}))
def test_what_rebuilds_a_network_must_be_there(key: str) -> None:
    assert faults({k: v for k, v in HEADER.items() if k != key}) == [f"it has no {key}"]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("name", (None, 3)),
        ("model", (None, "kdrun.model.mlp.MLP", {"hidden": 4}, {"_target_": ["x"]})),
        ("classes", ("ab", [1, 2], None)),
        ("shape", ([0], [-1], [True], [1.0], [1] * (WIDEST + 1), [2**20] * 2, {"x": 3}, None)),
        ("mean", ([1, "0"], [float("nan")], 0.5, [True, 1, 1])),
        ("unit", ([1], [1, 2, 3], ["a", "b"])),
        ("reads", ([0], "x")),
        ("precision", (16,)),
        ("task", ("regression", {})),
    ],
)
def test_a_value_of_another_kind_is_told_by_its_key(key: str, values: tuple[Any, ...]) -> None:
    for value in values:
        (fault,) = faults({**HEADER, key: value})
        assert fault.startswith(f"{key} is ")
        assert len(fault) < 100


def test_means_and_deviations_are_of_the_same_channels() -> None:
    assert faults({**HEADER, "std": [1]}) == ["mean and std are of 3 and 1 channels"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "its header is not readable"),
        ("[]", "its header is no object"),
        ("{" * 5000, "its header is not readable"),
        ('{"a": ' * 60 + "1" + "}" * 60, "or nested too deeply"),
        ('{"mean": NaN}', "NaN is no number of JSON"),
        ('{"name": "\ud800"}', "its header"),
        ("{}", "its header is malformed: it has no name"),
    ],
)
def test_what_is_no_header_ends_in_one_line_with_the_file(file: Path, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as error:
        parse_header(text, file)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


def test_of_many_faults_three_are_told(file: Path) -> None:
    wrong = dict.fromkeys(HEADER, 3.5)
    with pytest.raises(ValueError, match="malformed") as error:
        parse_header(json.dumps(wrong), file)
    assert str(error.value).count(" is 3.5") == 3


def test_an_object_is_called_what_it_is(file: Path) -> None:
    assert parse_object(b'{"a": {"b": [1]}}', file, "its reader") == {"a": {"b": [1]}}
    with pytest.raises(ValueError, match="its reader is no object"):
        parse_object(b"3", file, "its reader")
