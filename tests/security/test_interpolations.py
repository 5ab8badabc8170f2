"""References of a config are followed before they are resolved."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from kdrun.config.schema import folder
from kdrun.security.interpolations import check


def doubled(count: int) -> dict[str, Any]:
    return {"a0": "x", **{f"a{i}": f"${{a{i - 1}}}" * 2 for i in range(1, count)}}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (doubled(30), "stands for more than 1,000,000"),
        ({"p": doubled(2) | {"a2": "${.a1}" * 10**6}}, "stands for more than"),
        ({"a": ["x" * 10**5], "b": ["${a}"] * 11}, "b stands for more than"),
        ({"a": "${b}", "b": "${a}"}, "a refers to itself"),
        ({"a": {"b": "${c}"}, "c": {"d": "${a}"}}, "a refers to itself"),
        ({"a": {"x": "${oc.select:b}"}, "b": "${a.x}"}, "a.x refers to itself"),
        ({"a0": 1, **{f"a{i}": f"${{a{i - 1}}}" for i in range(1, 200)}}, "through more than 60"),
        ({**{f"a{i}": f"${{a{i + 1}}}" for i in range(200)}, "a200": 1}, "through more than 60"),
    ],
)
def test_what_stands_for_too_much_is_refused(config: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check(config)


@pytest.mark.parametrize(
    "config",
    [
        {"a": 1, "b": {"c": "${a}", "d": "${..a}", "e": "${.c}"}},
        {"a": [1, 2], "b": "${a[0]}", "c": "${a.1}"},
        {"lr": {"small": 1, "large": 2}, "size": "small", "found": "${lr.${size}}"},
        {"a": "${missing}", "b": "${oc.env:HOME}", "c": "${run_id:${a}}", "d": "$${x} ${"},
        {"a": {"b": 1}, "c": "${a}", "d": "${c.b}"},
    ],
)
def test_usual_references_are_let_in(config: dict[str, Any]) -> None:
    check(config)


def test_kdruns_own_config_is_let_in() -> None:
    plain: Any = OmegaConf.to_container(OmegaConf.load(folder() / "config.yaml"), resolve=False)
    check(plain)
