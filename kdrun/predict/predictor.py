"""A student in memory that answers about raw inputs."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from kdrun.device import choose_device
from kdrun.files.checkpoint import read_header
from kdrun.model.weights import rebuild
from kdrun.sample import read_shape
from kdrun.types import Batch, Input

if TYPE_CHECKING:
    import pandas as pd


class Predictor(nn.Module):
    """The student of a run, in evaluation mode.

    Args:
        run: folder of a finished run, or a file of weights that kdrun wrote.
        plugins: packages that the model's `_target_` may name.
        device: as in `train.device`.

    Attributes:
        network: from `Batch` to `Outputs`.
        classes: what they are called; empty for values.
        shape: of a sample as the network reads it.
        device: where it computes.
    """

    def __init__(self, run: str, plugins: Sequence[str] = (), device: str = "auto") -> None:
        super().__init__()
        self._run, self._plugins, self._device = run, list(plugins), device
        self.device = choose_device(device)
        self.network = rebuild(run, plugins).to(self.device).eval()
        header = read_header(run)
        self.classes: list[str] = list(header["classes"])
        self.shape = read_shape(header["shape"])
        self.eval()

    def forward(self, inputs: Input) -> Tensor:
        """Logits (N, C), or values (N, 1).

        Args:
            inputs: (N, C, H, W) images, bytes or numbers from 0 to 1; (N, D) rows as the run's data
                were prepared; or tokens by name.
        """
        if isinstance(inputs, dict):
            inputs = {key: value.to(self.device) for key, value in inputs.items()}
        else:
            inputs = inputs.to(self.device)
            inputs = inputs.float() / 255 if inputs.dtype == torch.uint8 else inputs.float()
        nothing = torch.zeros(0, device=self.device)
        logits: Tensor = self.network(Batch(inputs, nothing, nothing)).logits
        return logits

    def predict(self, inputs: Any, batch_size: int = 256) -> pd.DataFrame:
        """What `kdrun predict` writes, a row for each input.

        Args:
            inputs: a path, as `kdrun predict` takes it: an image, a folder, an .npz, a table or
                texts; a DataFrame with the columns of the training table; or an array of images
                or rows, as its `x` holds them.
            batch_size: inputs at a time.

        Raises:
            ValueError: the inputs cannot be read, or do not fit the student.
        """
        import numpy as np
        import pandas as pd

        from kdrun.dataset.asked import Asked
        from kdrun.predict.command import predict

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "inputs.npz")
            if isinstance(inputs, pd.DataFrame):
                path = path.with_suffix(".csv")
                inputs.to_csv(path, index=False)
            elif isinstance(inputs, str | Path):
                path = Path(inputs)
            else:
                np.savez(path, x=np.asarray(inputs))
            asked = Asked(tell=lambda sentence: None)
            told = predict(self._run, str(path), batch_size, self._device, self._plugins, asked)
        return pd.read_csv(io.StringIO(told.table), keep_default_na=False)
