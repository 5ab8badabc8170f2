"""Deep adaptation as a user meets it: composed, killed, chosen and refused on the command line."""

from __future__ import annotations

import csv
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.forked import Forked

WORDS = (
    *("method=transfer", "dataset=digits_shifted", "dataset.labels=none", "student=resnet8"),
    *("train.epochs=2", "train.progress=false", "train.precision=fp32", "dataset.train_size=100"),
)


def record(folder: Path = Path("outputs/default")) -> dict[str, Any]:
    (path,) = folder.glob("*/record.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_terms_compose_from_a_list(kdrun) -> None:  # type: ignore[no-untyped-def]
    told = kdrun(*WORDS, "transfer=[dann,mcc]", "transfer.weights.dann=0.5")
    assert told.status == 0, told.err
    found = record()
    assert found["run"]["transfer"] == "dann+mcc"
    assert "_dann+mcc_digits_shifted_" in found["run_id"]
    assert found["config"]["transfer"]["weights"] == {"dann": 0.5, "mcc": 1.0}
    assert found["selection"] == {"rule": "last", "epoch": 2, "collapsed": False}
    (path,) = Path("outputs/default").glob("*/metrics.csv")
    with path.open() as file:
        row = [*csv.DictReader(file)][-1]
    terms = [float(row[f"loss_{name}"]) for name in ("ce", "dann", "mcc")]
    assert sum(terms) == pytest.approx(float(row["loss"]))
    assert row["val_accuracy"] == ""


def test_adabn_trains_nothing_and_an_idle_term_is_told_of(kdrun) -> None:  # type: ignore[no-untyped-def]
    assert kdrun(*WORDS, "transfer=adabn").status == 0
    assert record()["run"]["epochs"] == 0
    told = kdrun(*WORDS, "transfer=[dann,bsp]", "transfer.weights.bsp=1e-12", "name=idle")
    assert told.status == 0, told.err
    (log,) = Path("outputs/idle").glob("*/run.log")
    assert log.read_text().count("the term bsp is") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("transfer=[mcc,shot]", "method.select=im"), "is what transfer=shot optimises"),
        (("transfer=dann", "method.select=imm"), "did you mean 'im'"),
        (("transfer=dann", "train.early_stop=2"), "looks at labels"),
        (("transfer=[adabn,dann]",), "transfer=adabn stands alone"),
        (("transfer=adabn", "student=mlp"), "MLP has no batch norm"),
        (("transfer=dann", "transfer.weights.dan=1"), "did you mean"),
        (("transfer=dann", "method.select=source_val", "dataset.val_fraction=0"), "leaves none"),
    ],
)
def test_mistakes_end_with_two_and_one_message(  # type: ignore[no-untyped-def]
    kdrun, words: tuple[str, ...], told: str
) -> None:
    ended = kdrun(*WORDS, *words)
    assert ended.status == 2
    assert told in ended.err
    assert "Traceback" not in ended.err


def start(folder: Path, *words: str) -> Forked:
    longer = [word.replace("epochs=2", "epochs=6") for word in WORDS]
    return Forked(*longer, *words, folder=folder)


def test_killed_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    """With a discriminator, a mean teacher and pseudo-labels to be found again."""
    terms = "transfer=[dann,self_training,shot]"
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    whole.mkdir()
    assert start(whole, terms).wait() == 0
    (tmp_path / "torn" / "outputs").mkdir(parents=True)
    (torn / "outputs" / "cache").symlink_to(whole / "outputs" / "cache")  # the source's model
    process = start(torn, terms)
    while process.poll() is None and not [*torn.glob("outputs/default/*/checkpoint.pt")]:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert start(torn, terms).wait() == 0
    (a,), (b,) = (folder.glob("outputs/default/transfer_*/") for folder in (whole, torn))
    assert "continuing after epoch" in (b / "run.log").read_text()
    for name in ("student.safetensors", "confusion.png"):
        assert (a / name).read_bytes() == (b / name).read_bytes()
