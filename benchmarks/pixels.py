"""How far the pixels of `kdrun export --pixels` are from Pillow's.

    python benchmarks/pixels.py FILE...

For each way to bring a photograph to 224x224: the share of pixels that differ, by how many of 255
levels at most and on average, and the same of ONNX's own `Resize` with `antialias`.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper
from PIL import Image

from kdrun.dataset.image import Fit, fit_image
from kdrun.export.pixels import read_pixels
from kdrun.export.preprocess import fields

SHAPE = (3, 224, 224)
FITS = (
    Fit(crop_pct=0.875),
    Fit(),
    Fit(crop_pct=0.875, interpolation="bicubic"),
    Fit(interpolation="bicubic"),
)


def session(model: Any) -> Any:
    cpu = ["CPUExecutionProvider"]
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=cpu)


def model(nodes: list[Any], given: Any, said: Any) -> Any:
    graph = helper.make_graph(nodes, "pixels", given, [said])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def of_kdrun(fit: Fit) -> Any:
    told = fields({"shape": SHAPE, "mean": (), "std": ()}, fit._asdict())
    own, said = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *SHAPE])
        for name in ("input", "logits")
    )
    made = model([helper.make_node("Identity", ["input"], ["logits"])], [own], said)
    read_pixels(made, told, "nhwc")
    return session(made)


def of_onnx(fit: Fit) -> Any:
    mode = "cubic" if fit.interpolation == "bicubic" else "linear"
    node = helper.make_node(
        "Resize", ["x", "", "", "sizes"], ["y"], mode=mode, antialias=1, cubic_coeff_a=-0.5
    )
    given = [
        helper.make_tensor_value_info("x", TensorProto.UINT8, [None] * 4),
        helper.make_tensor_value_info("sizes", TensorProto.INT64, [4]),
    ]
    said = helper.make_tensor_value_info("y", TensorProto.UINT8, [None] * 4)
    return session(model([node], given, said))


def by_resize(resize: Any, fit: Fit, pixels: Any) -> Any:
    """The shorter side and the middle, or the middle as whole pixels: all that it can."""
    height, width = pixels.shape[:2]
    short = min(height, width)
    if fit.crop_pct == 1:
        top, left = (height - short) // 2, (width - short) // 2
        pixels, sizes = pixels[top : top + short, left : left + short], (224, 224)
    else:
        side = int(224 / fit.crop_pct)
        sizes = (side * height // short, side * width // short)
    x = pixels.transpose(2, 0, 1)[None]
    (made,) = resize.run(None, {"x": x, "sizes": np.array([1, 3, *sizes], np.int64)})
    top, left = (round((size - 224) / 2) for size in sizes)
    return made[0].transpose(1, 2, 0)[top : top + 224, left : left + 224]


def main(files: list[str]) -> None:
    print("| | differ [%] | at most | on average | Resize: at most | on average | ms | Pillow |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for fit in FITS:
        own, resize = of_kdrun(fit), of_onnx(fit)
        apart, other, spent, pillows = [], [], 0.0, 0.0
        for file in files:
            picture = Image.open(file).convert("RGB")
            pixels = np.asarray(picture)
            began = time.perf_counter()
            wanted = fit_image(picture, SHAPE, *fit).numpy().astype(int)
            between = time.perf_counter()
            (made,) = own.run(None, {"pixels": pixels[None]})
            spent, pillows = spent + time.perf_counter() - between, pillows + between - began
            apart.append(np.abs(np.rint(255 * made[0].transpose(1, 2, 0)) - wanted))
            other.append(np.abs(by_resize(resize, fit, pixels).astype(int) - wanted))
        all_of, others = np.stack(apart), np.stack(other)
        print(
            f"| {fit.interpolation}, crop_pct {fit.crop_pct:g} | {100 * (all_of > 0).mean():.2f} "
            f"| {all_of.max():.0f} | {all_of.mean():.4f} | {others.max()} | {others.mean():.4f} "
            f"| {1000 * spent / len(files):.0f} | {1000 * pillows / len(files):.0f} |"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
