"""The steps from pixels are Pillow's, whatever the size of a picture."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kdrun.dataset.image import Fit, fit_image
from kdrun.export import export
from kdrun.export.pixels import read_pixels, refuse
from kdrun.export.preprocess import fields
from tests.export.conftest import Make
from tests.export.kinds import MLP

ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

SIZES = ((61, 83), (83, 61), (40, 40), (8, 8), (33, 32), (300, 401), (5, 9))
"""Height and width, odd and even, larger and smaller than what is made of them."""


def session(shape: tuple[int, ...], fit: Fit, layout: Any) -> Any:
    """The steps before a network that says what it reads."""
    from onnx import TensorProto, checker, helper

    told = fields({"shape": shape, "mean": (), "std": ()}, fit._asdict())
    own, said = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])
        for name in ("input", "logits")
    )
    same = helper.make_node("Identity", ["input"], ["logits"])
    graph = helper.make_graph([same], "same", [own], [said])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    read_pixels(model, told, layout)
    checker.check_model(model)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    ("shape", "fit", "levels", "share"),
    [
        # Pillow 13 takes the height first in some pictures, and so rounds in another order.
        ((3, 32, 32), Fit(), 2, 0.3),
        ((3, 32, 32), Fit(crop_pct=0.875), 2, 0.3),
        ((1, 8, 8), Fit(crop_pct=0.8), 2, 0.3),
        ((3, 24, 40), Fit(crop_pct=0.9), 2, 0.3),
        # What overshoots is cut off after each side.
        ((3, 24, 40), Fit(interpolation="bicubic"), 24, 0.5),
        ((3, 32, 32), Fit(crop_pct=0.95, interpolation="bicubic"), 24, 0.5),
    ],
)
def test_noise_of_any_size_becomes_what_pillow_makes_of_it(
    shape: tuple[int, int, int], fit: Fit, levels: int, share: float
) -> None:
    generator = np.random.default_rng(0)
    steps = session(shape, fit, "nhwc")
    for height, width in SIZES:
        noise = generator.integers(0, 256, (height, width, shape[0]), dtype=np.uint8)
        image = Image.fromarray(noise if shape[0] == 3 else noise[..., 0])
        wanted = fit_image(image, shape, *fit).numpy()
        (made,) = steps.run(None, {"pixels": noise[None]})
        assert made.shape == (1, *shape)
        apart = np.abs(np.rint(255 * made[0].transpose(1, 2, 0)) - wanted)
        assert apart.max() <= levels, (height, width)
        assert (apart > 0).mean() <= share, (height, width)


def test_another_crop_or_filter_is_far_off() -> None:
    """So the bounds above tell something."""
    noise = np.random.default_rng(0).integers(0, 256, (61, 83, 3), dtype=np.uint8)
    fits = [Fit(), Fit(crop_pct=0.875), Fit(interpolation="bicubic")]
    made = [fit_image(Image.fromarray(noise), (3, 32, 32), *fit).int() for fit in fits]
    for one, other in itertools.combinations(made, 2):
        assert (one - other).abs().float().mean() > 3


def test_channels_may_come_first_and_pictures_several_at_a_time() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 20, 30, 3), dtype=np.uint8)
    first, last = (session((3, 8, 8), Fit(crop_pct=0.8), one) for one in ("nchw", "nhwc"))
    (one,) = first.run(None, {"pixels": noise.transpose(0, 3, 1, 2)})
    (other,) = last.run(None, {"pixels": noise})
    np.testing.assert_array_equal(one, other)
    assert one.std(axis=0).max() > 0.1


def test_an_exported_file_reads_pixels_and_says_so(student: Make) -> None:
    folder, _ = student(MLP)
    told = export(str(folder), "onnx", pixels="nhwc")
    assert "samples of noise in batches of 1, 3, 7; from pixels, in 4 sizes from 6x4 to" in told
    assert "% differ from Pillow's at most, by " in told
    file = folder / "export.onnx"
    opened = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    (given,) = opened.get_inputs()
    assert (given.name, given.type) == ("pixels", "tensor(uint8)")
    assert given.shape == ["batch", "height", "width", 3]
    metadata = opened.get_modelmeta().custom_metadata_map
    known = json.loads(metadata["preprocess"])
    assert known["inside"] == ["resize", "crop", "range", "normalisation"]
    assert metadata["input"] == (
        "RGB images (N, height, width, 3), uint8 from 0 to 255, of any size"
    )
    assert "which the file does by itself from pixels" in Path(f"{file}.md").read_text()


@pytest.mark.parametrize(
    ("layout", "format", "kind", "message"),
    [
        ("hwc", "onnx", "image", "--pixels hwc is not defined; did you mean 'nhwc'"),
        ("nhwc", "torch_export", "image", "--pixels is of --format onnx, and not of torch_export"),
        ("nhwc", "onnx", "table", "--pixels is of students that read images"),
    ],
)
def test_what_cannot_read_pixels_is_refused(
    layout: str, format: str, kind: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        refuse(layout, format, {"preprocess": json.dumps({"kind": kind})})
