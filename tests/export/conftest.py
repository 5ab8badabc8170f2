"""Folders as runs leave them, around networks that were never trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from kdrun.model import build, weights
from kdrun.results.record import save_record

Make = Callable[..., tuple[Path, nn.Module]]


@pytest.fixture
def student(tmp_path: Path) -> Make:
    """Make a run's folder: `student({"_target_": ...}, shape=(3, 8, 8))`, and get its network."""

    def make(
        config: dict[str, Any],
        *,
        shape: Sequence[int] = (3, 8, 8),
        classes: Sequence[str] = ("a", "b", "c"),
        unit: tuple[float, float] = (0.0, 1.0),
        around: Callable[[Any], nn.Module] = lambda network: network,
        dataset: dict[str, Any] | None = None,
        plugins: Sequence[str] = (),
    ) -> tuple[Path, nn.Module]:
        torch.manual_seed(0)
        colours = (
            {"mean": (0.2, 0.4, 0.6)[: shape[0]], "std": (0.5, 0.3, 0.1)[: shape[0]]}
            if len(shape) == 3
            else {}
        )
        own = build(
            config, num_classes=len(classes) or 1, shape=tuple(shape), plugins=plugins, **colours
        )
        own.inner.unit = unit
        network = around(own).eval()
        folder = tmp_path / "run"
        folder.mkdir()
        facts = {"classes": list(classes), "shape": list(shape)}
        weights.save(folder / "student.safetensors", network, "tiny", config, **facts)
        if dataset is not None:
            record: Any = {"run_id": "run", "status": "ok", "config": {"dataset": dataset}}
            save_record(folder, record)
        return folder, network

    return make
