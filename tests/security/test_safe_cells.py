"""No cell of text begins as a formula does; numbers, and all else, stay."""

from __future__ import annotations

import pytest

from kdrun import compare
from kdrun.security.safe_cells import safe_cells
from tests.fabricated import record, save


@pytest.mark.parametrize("text", ["=1+1", "+cmd|x", "-a", "@SUM(A1)", "\t=1", "\r=1", "-", "=-1"])
def test_a_formula_becomes_text(text: str) -> None:
    assert safe_cells(f'a,b\n"{text}",1\n') in (f"a,b\n'{text},1\n", f'a,b\n"\'{text}",1\n')


@pytest.mark.parametrize("row", ["-0.5,+3,-1e-05,1", "a=b,x-y,,é", '"a,b","c\nd","""",\'=1'])
def test_all_else_stays(row: str) -> None:
    assert safe_cells(f"a,b,c,d\n{row}\n") == f"a,b,c,d\n{row}\n"


def test_compare_writes_them_when_asked(tmp_path, capsys) -> None:
    save(tmp_path, record(0, 0.9, loss="=HYPERLINK(1)"), record(0, 0.8, loss="kd"))
    for words, cell in (([], ",=HYPERLINK(1)"), (["--safe-cells"], ",'=HYPERLINK(1)")):
        assert compare.main([str(tmp_path), "--format", "csv", "--by", "student,loss", *words]) == 0
        assert cell in capsys.readouterr().out
