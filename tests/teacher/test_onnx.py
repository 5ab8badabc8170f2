"""Models in ONNX files as teachers: what they read, what they say, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from kdrun.teacher.onnx import onnx
from kdrun.types import Arrays, Batch, Dataset, Outputs

library = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

NAMES = ["cat", "dog", "owl"]
CPU = torch.device("cpu")


def images(shape: tuple[int, ...] = (3, 4, 5), classes: list[str] = NAMES) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (70, *shape), dtype=torch.uint8, generator=generator)
    split = Arrays(inputs, torch.arange(70) % 3)
    return Dataset(split, split, split, classes, shape)


def rows(classes: list[str] = NAMES) -> Dataset:
    inputs = torch.randn(70, 6, generator=torch.Generator().manual_seed(0))
    targets = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    split = Arrays(inputs, targets if classes else inputs.sum(1))
    return Dataset(split, split, split, classes, (6,))


WEIGHT = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)


def save(
    path: Path,
    shape: tuple[object, ...],
    *last: str,
    weight: np.ndarray = WEIGHT,
    outputs: tuple[str, ...] = ("said",),
    kind: int = TensorProto.FLOAT,
) -> str:
    """A linear model of flattened input, with other operators after it."""
    nodes = [
        helper.make_node("Cast", ["x"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["number"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["0"]),
    ]
    nodes += [helper.make_node(op, [str(i)], [str(i + 1)]) for i, op in enumerate(last)]
    nodes += [helper.make_node("Identity", [str(len(last))], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, None]) for n in outputs],
        [numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    library.save(model, path / "model.onnx")
    return str(path / "model.onnx")


def ask(teacher: nn.Module, samples: Tensor) -> Tensor:
    index = torch.arange(len(samples))
    outputs: Outputs = teacher(Batch(samples, index, index))
    return outputs.logits


SAMPLES = images().train.inputs[:10] / 255  # type: ignore[operator]


@pytest.mark.parametrize(
    ("shape", "order"),
    [(("n", 3, 4, 5), (0, 1, 2, 3)), (("n", 4, 5, 3), (0, 2, 3, 1)), (("n", 60), (0, 1, 2, 3))],
)
def test_the_layout_is_read_from_the_input(tmp_path: Path, shape, order) -> None:
    teacher = onnx(save(tmp_path, shape), images(), CPU)
    expected = SAMPLES.permute(order).flatten(1) @ torch.from_numpy(WEIGHT)
    torch.testing.assert_close(ask(teacher, SAMPLES), expected)
    assert teacher.size == 180


def test_grey_images_may_lack_a_channel(tmp_path: Path) -> None:
    teacher = onnx(save(tmp_path, ("n", 6, 10)), images((1, 6, 10)), CPU)
    assert ask(teacher, torch.rand(7, 1, 6, 10)).shape == (7, 3)


def test_what_can_not_be_read_is_given(tmp_path: Path) -> None:
    path = save(tmp_path, ("n", None, None, None))
    with pytest.raises(ValueError, match=r"its input \(\?, \?, \?, \?\) may be nchw or nhwc"):
        onnx(path, images(), CPU)
    given = {"layout": "nhwc", "scale": 255.0, "mean": [1.0, 2.0, 3.0], "std": [2.0, 3.0, 4.0]}
    teacher = onnx(path, images(), CPU, **given)
    mean, std = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 3.0, 4.0])
    x = (255 * SAMPLES.permute(0, 2, 3, 1) - mean) / std
    torch.testing.assert_close(ask(teacher, SAMPLES), x.flatten(1) @ torch.from_numpy(WEIGHT))


def test_whole_numbers_are_whole(tmp_path: Path) -> None:
    path = save(tmp_path, ("n", 3, 4, 5), kind=TensorProto.UINT8)
    whole = (255 * SAMPLES).round()
    teacher = onnx(path, images(), CPU, scale=255.0)
    torch.testing.assert_close(ask(teacher, SAMPLES), whole.flatten(1) @ torch.from_numpy(WEIGHT))


@pytest.mark.parametrize("samples", [1, 4, 10])
def test_a_model_of_one_batch_size_gets_such_batches(tmp_path: Path, samples: int) -> None:
    teacher = onnx(save(tmp_path, (4, 3, 4, 5)), images(), CPU)
    expected = SAMPLES[:samples].flatten(1) @ torch.from_numpy(WEIGHT)
    torch.testing.assert_close(ask(teacher, SAMPLES[:samples]), expected)


def test_probabilities_are_told_from_logits(tmp_path: Path) -> None:
    logits = SAMPLES.flatten(1) @ torch.from_numpy(WEIGHT)
    teacher = onnx(save(tmp_path, ("n", 60), "Softmax"), images(), CPU)
    torch.testing.assert_close(ask(teacher, SAMPLES).exp(), logits.softmax(1).clamp(min=1e-6))
    taken = onnx(save(tmp_path, ("n", 60), "Softmax"), images(), CPU, meaning="logits")
    torch.testing.assert_close(ask(taken, SAMPLES), logits.softmax(1))
    with pytest.raises(ValueError, match="meaning=probabilities, but those of a sample sum to"):
        onnx(save(tmp_path, ("n", 60)), images(), CPU, meaning="probabilities")


def test_one_number_for_two_classes_is_the_second(tmp_path: Path) -> None:
    pair, weight = images(classes=NAMES[:2]), WEIGHT[:, :1]
    logit = SAMPLES.flatten(1) @ torch.from_numpy(weight)
    for last in ((), ("Sigmoid",)):
        teacher = onnx(save(tmp_path, ("n", 60), *last, weight=weight), pair, CPU)
        said = ask(teacher, SAMPLES).softmax(1)[:, 1:]
        torch.testing.assert_close(said, logit.sigmoid(), atol=1e-5, rtol=1e-4)


def test_values_of_a_regression_stay_as_they_are(tmp_path: Path) -> None:
    d = rows([])
    teacher = onnx(save(tmp_path, ("n", 6), weight=WEIGHT[:6, :1]), d, CPU)
    x = d.train.inputs[:5]
    torch.testing.assert_close(ask(teacher, x), x @ torch.from_numpy(WEIGHT[:6, :1]))


def test_one_of_several_outputs_is_chosen(tmp_path: Path) -> None:
    path = save(tmp_path, ("n", 60), outputs=("one", "other"))
    with pytest.raises(ValueError, match=r"its outputs are one, other: give teacher\.output"):
        onnx(path, images(), CPU)
    with pytest.raises(ValueError, match="no output 'three', but one, other"):
        onnx(path, images(), CPU, output="three")
    assert ask(onnx(path, images(), CPU, output="other"), SAMPLES).shape == (10, 3)


def test_classes_go_by_name(tmp_path: Path) -> None:
    path = save(tmp_path, ("n", 60))
    ours = ask(onnx(path, images(), CPU), SAMPLES)
    turned = ask(onnx(path, images(), CPU, classes=["owl", "cat", "dog"]), SAMPLES)
    torch.testing.assert_close(turned, ours[:, [1, 2, 0]])
    with pytest.raises(ValueError, match=r"knows 3 classes without names, but .* \(cat, dog\)"):
        onnx(path, images(classes=NAMES[:2]), CPU)
    with pytest.raises(ValueError, match=r"knows 3 classes \(a, b, c\), but the dataset has 3"):
        onnx(path, images(), CPU, classes=["a", "b", "c"])
    with pytest.raises(ValueError, match="2 classes are named, but output said has 3 columns"):
        onnx(path, images(), CPU, classes=["cat", "dog"])


@pytest.mark.parametrize("zipmap", [False, True])
@pytest.mark.parametrize("kind", [LogisticRegression, GradientBoostingClassifier])
def test_a_pipeline_of_scikit_learn_says_the_same(tmp_path: Path, zipmap: bool, kind) -> None:
    skl2onnx = pytest.importorskip("skl2onnx")
    d = rows()
    x = d.train.inputs.numpy()
    labels = np.array(["owl", "dog", "cat"])[d.train.targets.numpy()]
    fitted = make_pipeline(StandardScaler(), kind()).fit(x, labels)
    exported = skl2onnx.to_onnx(fitted, x[:1], options={id(fitted): {"zipmap": zipmap}})
    path = tmp_path / "model.onnx"
    path.write_bytes(exported.SerializeToString())
    classes = None if zipmap else fitted.classes_.tolist()
    teacher = onnx(str(path), d, CPU, classes=classes)
    order = [fitted.classes_.tolist().index(name) for name in NAMES]
    expected = torch.from_numpy(fitted.predict_proba(x)[:, order]).float()
    said = ask(teacher, d.train.inputs).softmax(1)
    torch.testing.assert_close(said, expected, atol=1e-4, rtol=1e-3)


def test_a_mistake_is_told(tmp_path: Path) -> None:
    big = np.zeros((3 * 32 * 32, 3), np.float32)
    path = Path(save(tmp_path, ("n", 3, 32, 32), weight=big))
    with pytest.raises(ValueError, match=r"it reads \(\?, 3, 32, 32\), and not .* \(3, 4, 5\)"):
        onnx(str(path), images(), CPU)
    whole = path.read_bytes()
    for part in (whole[: len(whole) // 2], b"not a model", b""):
        path.write_bytes(part)
        with pytest.raises(ValueError, match=r"model\.onnx is not a whole ONNX model"):
            onnx(str(path), images(), CPU)
    with pytest.raises(FileNotFoundError):
        onnx(str(tmp_path / "none.onnx"), images(), CPU)
    with pytest.raises(ValueError, match="provider=cuda: this onnxruntime has"):
        onnx(save(tmp_path, ("n", 60)), images(), CPU, provider="cuda")
    with pytest.raises(ValueError, match="it fails on samples"):
        onnx(save(tmp_path, ("n", None)), images((3, 4, 6)), CPU)


def test_it_teaches_a_network(kdrun) -> None:
    weight = np.random.default_rng(0).normal(size=(64, 10)).astype(np.float32)
    save(Path(), ("n", 1, 8, 8), weight=weight)
    words = ("teacher=onnx", "student=linear", "train.epochs=1", "train.progress=false")
    told = kdrun(*words, "teacher.path=model.onnx")
    assert told.status == 0, told.err
    (path,) = Path("outputs/default").glob("distill_onnx-linear_*/record.json")
    metrics = json.loads(path.read_text())["metrics"]
    assert metrics["teacher_params"] == 640
    assert metrics["teacher_latency_ms"] > 0
    half = Path("model.onnx").read_bytes()[:500]
    Path("half.onnx").write_bytes(half)
    save(Path(), ("n", 1, 9, 9), weight=np.zeros((81, 10), np.float32))
    Path("model.onnx").rename("other.onnx")
    for name, hint in (
        ("half.onnx", "not a whole ONNX model"),
        ("other.onnx", "it reads (?, 1, 9, 9), and not samples of the data's shape (1, 8, 8)"),
        ("none.onnx", "no file none.onnx"),
    ):
        told = kdrun(*words, f"teacher.path={name}")
        assert told.status == 2
        assert hint in told.err
        assert "Traceback" not in told.err
