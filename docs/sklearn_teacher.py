"""Fit a pipeline of scikit-learn and export it: svm.onnx, for teacher=onnx.

    pip install skl2onnx
    python docs/fashion_small.py && python docs/sklearn_teacher.py

It reads rows of whole numbers from 0 to 255, and answers with probabilities.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def main() -> None:
    """Fit on fashion14.npz, say how good it is, and write svm.onnx."""
    data = np.load("fashion14.npz")
    x_train, x_test = (
        data[name].reshape(len(data[name]), -1).astype("float32") for name in ("x_train", "x_test")
    )
    machine = CalibratedClassifierCV(SVC(C=10), ensemble=False)
    pipeline = make_pipeline(StandardScaler(), PCA(60, random_state=0), machine)
    pipeline.fit(x_train, data["y_train"])
    print(f"test accuracy {pipeline.score(x_test, data['y_test']):.4f}")
    model = to_onnx(pipeline, x_train[:1], options={id(pipeline): {"zipmap": False}})
    Path("svm.onnx").write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
