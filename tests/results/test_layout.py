"""The layout says what a record has; what writes and reads records keeps to it."""

from __future__ import annotations

import inspect
import re
import typing

from kdrun.results.layout import SCHEMA, Record
from kdrun.security.wellformed import faults
from tests.fabricated import record


def test_every_key_is_explained_and_no_other() -> None:
    text = inspect.cleandoc(Record.__doc__ or "")
    explained = re.findall(r"^    (\w+): ", text, flags=re.MULTILINE)
    assert explained == [*typing.get_type_hints(Record)]


def test_what_a_run_leaves_is_of_this_layout() -> None:
    made = record()
    assert made.keys() <= typing.get_type_hints(Record).keys()
    assert not faults({**made, "schema": SCHEMA})


def test_a_key_of_the_wrong_kind_is_found_by_who_reads_records() -> None:
    hints = typing.get_type_hints(Record)
    texts = [key for key, kind in hints.items() if kind is str and key in record()]
    tables = [key for key, kind in hints.items() if typing.get_origin(kind) is dict]
    assert {"run_id", "status"} <= {*texts}
    for key in (*texts, *(key for key in tables if key in record())):
        assert faults({**record(), "schema": SCHEMA, key: 3.5}), key
