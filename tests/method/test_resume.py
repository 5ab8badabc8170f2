"""Methods whose teacher grows: cut off and continued, they end with the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdrun.files import checkpoint

WORDS = ("student=mlp", "train.epochs=3", "train.precision=fp32", "train.progress=false")


@pytest.mark.parametrize("method", ["mutual", "ema", "tf_kd"])
def test_cut_off_and_continued_it_ends_with_the_same_bits(kdrun, monkeypatch, method) -> None:
    words = (*WORDS, f"method={method}")
    assert kdrun(*words, "name=whole").status == 0

    real, calls = checkpoint.save_state, []

    def interrupted(path: Path, state: dict[str, object]) -> None:
        real(path, state)
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("kdrun.run.course.save_state", interrupted)
    assert kdrun(*words, "name=torn").status == 130
    assert not list(Path("outputs/torn").rglob("*.safetensors"))
    told = kdrun(*words, "name=torn")
    assert "continuing after epoch 1" in told.out
    files = sorted(path.relative_to("outputs/whole") for path in Path().rglob("whole/*/*.safet*"))
    assert len(files) == {"mutual": 2, "ema": 2, "tf_kd": 1}[method]
    for file in files:
        assert Path("outputs/whole", file).read_bytes() == Path("outputs/torn", file).read_bytes()
