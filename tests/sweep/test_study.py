"""What Optuna is asked, and what it is told."""

from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

optuna = pytest.importorskip("optuna")

from kdrun.run.asked import PrunedError  # noqa: E402
from kdrun.sweep.study import Study, distribution  # noqa: E402

ONE = {
    "metrics": ["val_accuracy"],
    "directions": ["maximize"],
    "sampler": {"name": "RandomSampler", "seed": 0},
    "pruner": None,
}


def parse(*words: str) -> list:
    return OverridesParser.create().parse_overrides([*words])


def ok(**metrics: float) -> dict:
    return {"status": "ok", "metrics": metrics}


@pytest.mark.parametrize(
    ("word", "low", "high", "step", "log"),
    [
        ("a=range(1,9,3)", 1, 7, 3, False),
        ("a=range(4)", 0, 3, 1, False),
        ("a=range(9,1,-4)", 5, 9, 4, False),
        ("a=range(0.5,2.0,0.5)", 0.5, 1.5, 0.5, False),
        ("a=interval(2,5)", 2.0, 5.0, None, False),
        ("a=int(interval(2,5))", 2, 5, 1, False),
        ("a=tag(log,interval(1e-4,0.1))", 1e-4, 0.1, None, True),
        ("a=tag(log,int(interval(1,64)))", 1, 64, 1, True),
    ],
)
def test_a_swept_number_is_drawn_from_where_hydra_would_visit(word, low, high, step, log):
    drawn = distribution(parse(word)[0])
    assert (drawn.low, drawn.high, drawn.step, drawn.log) == (low, high, step, log)
    assert type(drawn.low) is type(low)


@pytest.mark.parametrize(
    ("word", "choices"),
    [
        ("loss=kd,dkd", ("kd", "dkd")),
        ("loss=[kd,at],kd", ("[kd,at]", "kd")),
        ("a=choice(0.1,'b c',true)", ("0.1", "b\\ c", "True")),
        ("a=shuffle(range(3))", ("0", "1", "2")),
    ],
)
def test_a_choice_stays_as_it_was_typed(word, choices):
    assert sorted(distribution(parse(word)[0]).choices) == sorted(choices)


def test_a_study_goes_on_and_another_question_is_another_study(tmp_path):
    words = parse("student=linear", "train.device=cpu", "optimizer.lr=interval(0.1,0.5)")
    study = Study(words, tmp_path, **ONE)
    first = study.ask()
    assert first.words[:2] == ["student=linear", "train.device=cpu"]
    assert study.tell(first, ok(val_accuracy=0.5)) == "val_accuracy 0.5"
    assert study.tell(study.ask(), {"status": "failed", "error": "Oh"}) == "failed: Oh"
    assert study.tell(study.ask(), ok(val_accuracy=None)).endswith("val_accuracy was not measured")
    left = study.ask()

    again = Study(parse("student=linear", "optimizer.lr=interval(0.1,0.5)"), tmp_path, **ONE)
    assert len(again) == 4
    (taken_over,) = again.left_over()
    assert (taken_over.number, taken_over.own) == (left.number, left.own)
    assert again.ask().own not in ([first.own, left.own])
    assert "1 ok, 2 failed, 2 running" in again.told([])
    assert len(Study(parse("student=mlp", "optimizer.lr=interval(0.1,0.5)"), tmp_path, **ONE)) == 0


def test_a_trial_that_is_worse_than_the_others_is_pruned(tmp_path):
    options = {**ONE, "pruner": {"name": "MedianPruner", "n_startup_trials": 1}}
    study = Study(parse("seed=range(99)"), tmp_path, **options)
    good = study.ask()
    study.watch(good)({"epoch": 1, "val_accuracy": 0.9})
    study.tell(good, ok(val_accuracy=0.9))
    bad = study.ask()
    with pytest.raises(PrunedError, match=r"val_accuracy 0\.1000 after epoch 1"):
        study.watch(bad)({"epoch": 1, "val_accuracy": 0.1})
    assert study.tell(bad, {"status": "pruned", "error": "slow"}) == "pruned: slow"
    assert "1 ok, 1 pruned" in study.told([])


def test_several_metrics_give_the_trials_that_none_beats(tmp_path):
    options = {
        **ONE,
        "metrics": ["val_accuracy", "latency_ms"],
        "directions": ["maximize", "minimize"],
    }
    study = Study(parse("student=a,b,c"), tmp_path, **options)
    for accuracy, latency in ((0.9, 2.0), (0.8, 1.0), (0.7, 3.0)):
        study.tell(study.ask(), ok(val_accuracy=accuracy, latency_ms=latency))
    told = study.told(["--config-dir", "my own"])
    assert "the 2 that none beats in every metric" in told
    assert told.count("  kdrun --config-dir 'my own' student=") == 2


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (["student=a"], {}, "nothing to search over"),
        (["student=a,b"], {"metrics": ["test_accuracy"]}, "read once, at the end"),
        (["student=a,b"], {"metrics": ["a", "b"]}, "as many directions"),
        (["student=a,b"], {"directions": ["up"]}, "up is no maximize"),
        (["student=a,b"], {"sampler": {"name": "TPSampler"}}, "did you mean 'TPESampler'"),
        (["student=a,b"], {"sampler": {"name": "TPESampler", "sed": 0}}, "'sed'"),
    ],
)
def test_a_search_that_cannot_be_is_told(tmp_path, words, options, message):
    with pytest.raises(ValueError, match=message):
        Study(parse(*words), tmp_path, **{**ONE, **options})
