"""Comments of yaml files, by the key that they speak of."""

from __future__ import annotations

from kdrun.config.comments import Yaml

TEXT = """\
# @package _global_
# What it is,
# in two lines.
defaults:
  - /teacher@assistant: resnet14   # another one
  - _self_
name: "a # b"   # of it # all
# Above the key
# in two lines.
list: [1,
  2]
plain: 3
nested:         # the whole
  key: null     # β of it
  empty: {}
weights: {ce: 1.0, kd: 2.0}  # of terms
"""


def keys(tmp_path, text=TEXT):
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    yaml = Yaml(tmp_path / "x.yaml")
    return yaml, {key.path: key for key in yaml.keys()}  # noqa: SIM118


def test_comments_stand_beside_or_above_their_key(tmp_path):
    _, found = keys(tmp_path)
    assert {path: key.comment for path, key in found.items()} == {
        "name": "of it # all",
        "list": "Above the key in two lines.",
        "plain": "",
        "nested.key": "β of it",
        "nested.empty": "",
        "weights": "of terms",
    }


def test_values_are_told_as_they_are_written(tmp_path):
    _, found = keys(tmp_path)
    assert found["name"].value == '"a # b"'
    assert found["list"].value == "[1, 2]"
    assert found["weights"].value == "{ce: 1.0, kd: 2.0}"
    assert [found[path].kind for path in ("name", "list", "plain", "nested.key")] == [
        *("str", "list", "int", ""),
    ]


def test_the_title_and_the_defaults_of_a_file(tmp_path):
    yaml, _ = keys(tmp_path)
    assert yaml.title == "What it is, in two lines."
    assert yaml.defaults() == [
        ("/teacher@assistant", "resnet14", "another one"),
        ("_self_", "", ""),
    ]


def test_a_file_of_comments_alone_has_no_keys(tmp_path):
    yaml, found = keys(tmp_path, "# Nothing.\n")
    assert (yaml.title, found, yaml.target()) == ("Nothing.", {}, "")
