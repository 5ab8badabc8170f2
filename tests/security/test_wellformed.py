"""Whatever lies where results should: no traceback, no wrong number, and the others stay."""

from __future__ import annotations

import json
import logging
import math
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdrun import compare, report
from kdrun.compare.gather import gather
from kdrun.results import record as results
from kdrun.security.wellformed import faults, is_number, parse_json
from tests.fabricated import record, save

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
parts = (
    *("schema", "run_id", "status", "error", "run", "metrics", "config", "versions", "notes"),
    *("files", "code", "finished"),
)

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def whole(**changes):
    """A record that can be read, and what is changed in it."""
    return {"schema": results.SCHEMA, **record(1), **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "done"},
        {"status": True},
        {"error": ["a", "list"]},
        {"run": []},
        {"run": {**record(1)["run"], "seed": True}},
        {"run": {**record(1)["run"], "student": {"name": "x"}}},
        {"metrics": {"test_accuracy": True}},
        {"metrics": {"test_accuracy": "0.9"}},
        {"metrics": {"test_accuracy": 10**400}},
        {"metrics": {"test_accuracy": math.nan}},
        {"metrics": {"test_accuracy": math.inf}},
        {"config": "none"},
        {"notes": "a sentence"},
        {"versions": {"torch": 2.15}},
        {"run_id": 7},
    ],
)
def test_a_bad_record_is_left_out_and_told_everywhere(tmp_path, caplog, capsys, changes):
    good, other = save(tmp_path, record(0, 0.5), record(1))
    (other / "record.json").write_text(json.dumps(whole(**changes)))
    with caplog.at_level(logging.WARNING):
        assert [row["seed"] for row in results.collect(tmp_path)] == [0]
        assert [row["seed"] for row in gather([str(good), str(other)])] == [0]
    assert str(other) in caplog.text
    assert compare.main([str(tmp_path), "--format", "json"]) == 0
    [group] = json.loads(capsys.readouterr().out)["groups"]
    assert (group["test_accuracy"], group["n"]) == (0.5, 1)
    assert report.main([str(tmp_path)]) == 0
    assert compare.main([str(other)]) == 2


DEEP = b'{"schema":1,"run_id":"x","status":"ok","config":' + b'{"a":' * 5000 + b"1" + b"}" * 5001


@pytest.mark.parametrize(
    "text",
    [
        DEEP,
        DEEP.replace(b'{"a":' * 5000, b'{"a":' * 100).replace(b"}" * 5001, b"}" * 101),
        b'{"schema":1,"run_id":"x","status":"ok","metrics":{"a":' + b"9" * 5000 + b"}}",
        b'{"schema":1,"run_id":"x","status":"ok","metrics":{"a":NaN}}',
        b"\xff\xfe{}",
        b"\0" * 100,
    ],
    ids=["endless", "deep", "digits", "nan", "utf-16", "nul"],
)
def test_text_that_is_no_record_is_one_message(tmp_path, text):
    (tmp_path / "record.json").write_bytes(text)
    with pytest.raises(ValueError, match=r"record\.json is not") as told:
        results.load_record(tmp_path)
    assert len(str(told.value)) < 500


def test_a_record_that_is_a_folder_or_below_a_file_is_told(tmp_path):
    (tmp_path / "record.json").mkdir()
    with pytest.raises(ValueError, match="not readable"):
        results.load_record(tmp_path)


@quick
@given(st.binary(max_size=200) | st.sampled_from([b"{", b'"', b"[1"]))
def test_any_bytes_are_a_record_or_a_value_error(tmp_path, content):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(ValueError, match="record"):
        results.load_record(tmp_path)


@quick
@given(st.dictionaries(st.sampled_from(parts), anything, max_size=4))
def test_a_record_with_anything_in_it_is_refused_or_makes_a_row(tmp_path, changes):
    [path] = save(tmp_path, record(0))
    (path / "record.json").write_text(json.dumps(whole(**changes)))
    rows = results.collect(tmp_path)
    for row in rows:
        assert row["status"] in ("running", "interrupted", "ok", "failed", "pruned")
        assert all(v is None or isinstance(v, str) or is_number(v) for v in row.values())
    results.read_results(tmp_path / "results.csv")


def table(tmp_path, *lines):
    path = tmp_path / "results.csv"
    path.write_bytes(b"\n".join([b"method,seed,status,test_accuracy,error", *lines]) + b"\n")
    return str(path)


def test_a_bad_row_is_left_out_and_the_others_are_read(tmp_path, capsys, caplog):
    path = table(
        tmp_path,
        b"kd,0,ok,0.5,",
        b"kd,1,ok,0.6,,,surplus",
        b"kd,2,ok,0.",
        b"k\xe9d,3,ok,0.7,",
        b"k\0d,4,ok,0.7,",
        b"kd,5,failed,," + b"x" * 200_000,
        b"kd,6,ok,0.5,",
    )
    with caplog.at_level(logging.WARNING):
        assert compare.main([path, "--format", "json"]) == 0
    [group] = json.loads(capsys.readouterr().out)["groups"]
    assert (group["n"], group["test_accuracy"]) == (2, 0.5)
    told = caplog.text
    assert all(f"row {number} " in told for number in (3, 4, 5))
    assert "and 1 more" in told


@pytest.mark.parametrize(
    "cell", ["nan", "inf", "-inf", "True", "1e999", "9" * 400, "9" * 5000, "x"]
)
def test_a_cell_that_is_no_number_is_no_measurement(tmp_path, capsys, cell):
    path = table(tmp_path, b"kd,0,ok,0.5,", f"kd,1,ok,{cell},".encode(), b"dkd,0,ok,0.4,")
    assert compare.main([path, "--by", "method", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [group["test_accuracy"] for group in answer["groups"]] == [0.5, 0.4]
    assert any("no test_accuracy" in note for note in answer["notes"])


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbfmethod,seed\nkd,1\n")
    assert results.read_results(tmp_path / "x.csv") == [{"method": "kd", "seed": 1}]


@pytest.mark.parametrize(
    "text", [b"fruit,price\napple,3\n", b"\xff\xfe\0", b"", b"method,seed\nkd,0\n", b"\0,\0"]
)
def test_a_foreign_table_stops_no_comparison(tmp_path, capsys, text):
    save(tmp_path / "sweep", record(0))
    foreign = tmp_path / "other" / "results.csv"
    foreign.parent.mkdir()
    foreign.write_bytes(text)
    assert compare.main([str(tmp_path / "sweep"), str(foreign)]) == 0
    assert "1 run" in capsys.readouterr().out


@quick
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_a_table_or_a_value_error(tmp_path, content, headed):
    head = b"method,seed,status,train_seconds,epochs\n" if headed else b""
    path = tmp_path / "sweep" / "results.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(head + content)
    try:
        rows = results.read_results(path)
    except ValueError:
        return
    values = [value for row in rows for value in row.values()]
    assert all(isinstance(v, str | bool | None) or is_number(v) for v in values)


@quick
@given(anything)
def test_checks_themselves_never_fail(value):
    assert isinstance(faults(value), list)
    is_number(value)


def test_json_is_that_of_the_standard():
    with pytest.raises(ValueError, match="NaN"):
        parse_json(b"[NaN]")


def test_the_row_of_a_run_killed_before_it_comes_with_the_next_command(tmp_path):
    """Also where the table is newer than the record, by a clock that was ahead."""
    save(tmp_path, record(0))
    results.collect(tmp_path)
    [late] = save(tmp_path, record(1, student="wrn_16_2"))
    os.utime(tmp_path / "results.csv", (4e9, 4e9))
    (tmp_path / ".results.csv.1-2.tmp").write_text("half")
    results.complete(results.load_record(late))
    assert [row["seed"] for row in results.read_results(tmp_path / "results.csv")] == [0, 1]
    assert not list(tmp_path.glob(".results.csv.*"))
    before = (tmp_path / "results.csv").stat()
    results.complete(results.load_record(late))
    assert (tmp_path / "results.csv").stat() == before


def test_an_error_of_any_length_fits_a_table(tmp_path):
    save(tmp_path, record(0), record(1, error="ValueError: " + "x" * 200_000))
    rows = results.collect(tmp_path)
    assert len(str(rows[1]["error"])) < 2100
    assert len(results.read_results(tmp_path / "results.csv")) == 2
