"""What runs say of themselves is told beside their means, once for each kind."""

from __future__ import annotations

import json

from kdrun import compare, report
from tests.fabricated import record, save

WARM = "dkd never has its full weight: it warms up over 20 epochs, and training takes 3"


def noted(seed, loss, *notes):
    run = record(seed, loss=loss)
    run["notes"] = list(notes)
    return run


def worse(accuracy):
    return f"the teacher is worse than its student: accuracy {accuracy}, and the student's 0.9"


def test_notes_of_runs_are_told_once_with_whose_they_are(tmp_path, capsys):
    save(
        tmp_path,
        *(noted(seed, "kd", worse(f"0.{seed}1")) for seed in (0, 1)),
        *(noted(seed, "dkd", worse(f"0.{seed}2"), WARM) for seed in (0, 1)),
    )
    assert compare.main([str(tmp_path), "--format", "json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert f"loss=dkd (2 runs): {WARM}" in notes
    [note] = [note for note in notes if "worse" in note]
    assert note.startswith("all runs: the teacher is worse than its student: accuracy 0.")
    assert report.main([str(tmp_path)]) == 0
    assert WARM in (tmp_path / "report.html").read_text()


def test_many_groups_and_many_kinds_are_cut_short_and_counted(tmp_path, capsys):
    letters = "abcdefghijklmnopqrst"
    save(
        tmp_path,
        *(noted(0, f"kd{n}", WARM, f"{letters[n]} is odd") for n in range(20)),
        noted(0, "quiet"),
    )
    assert compare.main([str(tmp_path), "--format", "json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert any("; 17 more groups: dkd never" in note for note in notes)
    assert any("13 more kinds" in note for note in notes)


def test_what_is_said_of_a_time_is_told_where_a_time_is_compared(tmp_path, capsys):
    save(tmp_path, noted(0, "kd", "latency_ms may be too long"))
    for metric, told in (("test_accuracy", False), ("latency_ms", True)):
        assert compare.main([str(tmp_path), "--metric", metric]) == 0
        assert ("may be too long" in capsys.readouterr().out) == told
