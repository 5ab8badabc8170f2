"""A probe and then fine-tuning, as a run."""

from __future__ import annotations

from pathlib import Path

from tests.run.test_life import metrics
from tests.transfer.test_fine_tune import WORDS


def test_the_first_epoch_begins_below_a_fresh_head(kdrun) -> None:  # type: ignore[no-untyped-def]
    words = (*WORDS, "dataset.augment.crop_padding=0")
    told = kdrun("-m", *words, "transfer=lp_ft,fine_tune", "train.epochs=1", "optimizer.lr=1e-6")
    assert told.status == 0, told.err
    losses = {}
    for name in ("lp_ft", "fine_tune"):
        (file,) = Path("outputs/default").glob(f"*_{name}_*/metrics.csv")
        losses[name] = float(metrics(file)[0]["loss"])
    assert losses["lp_ft"] < losses["fine_tune"]
