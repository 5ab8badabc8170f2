"""Single classes in a report."""

from __future__ import annotations

import json
import re
from pathlib import Path

from kdrun.report import main
from tests.fabricated import record, save

TABLE = "class,support,predicted,precision,recall,f1\n=cat,5,4,{0},0.5,0.5\ndog,5,6,,0.75,nan\n"


def told(capsys, folder):
    assert main([str(folder)]) == 0
    page = Path(capsys.readouterr().out.strip()).read_text("utf-8")
    content = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.S)
    return json.loads(content[1])["classes"]


def test_means_over_runs_of_each_class(tmp_path, capsys):
    save(tmp_path / "sweep", record(0, 0.9, loss="kd"), record(1, 0.8, loss="kd"))
    runs = [path.parent for path in sorted((tmp_path / "sweep").glob("*/record.json"))]
    for share, run in zip((0.5, 0.75), runs, strict=True):
        (run / "classes.csv").write_text(TABLE.format(share))
    found = told(capsys, tmp_path / "sweep")
    assert found["columns"] == ["group", "class", "support", "precision", "recall", "f1"]
    assert [row[1:] for row in found["rows"]] == [
        ["=cat", "5", "62.5 ± 17.7", "50.0 ± 0.0", "50.0 ± 0.0"],
        ["dog", "5", "", "75.0 ± 0.0", ""],
    ]


def test_what_is_no_such_table_is_left_out(tmp_path, capsys):
    save(tmp_path / "sweep", record(0, 0.9, loss="kd"))
    (run,) = (path.parent for path in (tmp_path / "sweep").glob("*/record.json"))
    (run / "classes.csv").write_text("a,b\n1,2\n")
    assert told(capsys, tmp_path / "sweep")["rows"] == []
