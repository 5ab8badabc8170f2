"""Stage 4: what comes out."""

from __future__ import annotations

from pathlib import Path

from kdrun.run.course import course_of
from kdrun.run.finish import finish, finish_peers, judged, shortcomings
from kdrun.run.start import begin
from tests.run.composed import parts


def test_scores_are_a_value_beside_the_files(tmp_path: Path) -> None:
    made = parts(tmp_path)
    course = course_of(made, begin(made))
    known = judged(course)
    assert (known.columns, known.doubt) == ({}, "")  # nobody teaches
    course.train()
    scores = finish(course, known)
    assert sum(scores.predicted.values()) == len(made.data.test)
    assert scores.metrics["val_accuracy"] == course.training.history[-1]["val_accuracy"]
    assert (scores.folder, scores.role["name"]) == (tmp_path, "linear")
    assert {"student.safetensors", "confusion.png", "curves.png", "metrics.csv"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_a_peer_has_scores_and_a_folder_of_its_own(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    made = parts(run_dir, "method=mutual", "train.epochs=1")
    course = course_of(made, begin(made))
    course.train()
    known = judged(course)
    finish(course, known)
    (peer,) = finish_peers(course, known)
    assert peer.folder == tmp_path / "run_twin"
    assert (peer.folder / "student.safetensors").is_file()
    assert peer.role["name"] == "linear_twin"
    assert sum(peer.predicted.values()) == len(made.data.test)


def test_a_warm_up_that_never_ends_is_told_beforehand(tmp_path: Path) -> None:
    words = ("method=distill", "teacher=random_forest", "loss=kd")
    made = parts(tmp_path, *words, "loss.weights.kd={value: 0.9, warmup: 9}")
    course = course_of(made, begin(made))
    assert any(
        "kd never has its full weight" in told for told in shortcomings(course, judged(course))
    )
