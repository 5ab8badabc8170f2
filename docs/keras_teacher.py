"""Train a small convolutional network in Keras and export it: keras.onnx, for teacher=onnx.

    python -m venv tf && tf/bin/pip install tensorflow-cpu==2.21.0 tf2onnx==1.17.0
    python docs/fashion_small.py && tf/bin/python docs/keras_teacher.py

It knows nothing of kdrun or PyTorch. It reads whole numbers from 0 to 255, channels last, and
answers with probabilities.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers


def main() -> None:
    """Train on fashion14.npz, say how good it is, and write keras.onnx."""
    data = np.load("fashion14.npz")
    x_train, x_test = (data[name][..., None].astype("float32") for name in ("x_train", "x_test"))
    y_train, y_test = data["y_train"], data["y_test"]
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input(x_train.shape[1:]),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=60, batch_size=32, verbose=0)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"{model.count_params()} parameters, test accuracy {accuracy:.4f}")
    model.export("keras.onnx", format="onnx", verbose=False)


if __name__ == "__main__":
    main()
