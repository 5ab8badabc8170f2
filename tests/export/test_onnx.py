"""`--format onnx`: every kind of student in onnxruntime, by itself and as a teacher."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kdrun.export import export
from kdrun.types import Batch
from tests.conftest import QUICK, Told
from tests.export.conftest import Make
from tests.export.kinds import KINDS, MLP

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

CPU = ["CPUExecutionProvider"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("resnet", "logistic")])
def test_says_what_the_student_says(kind: str, student: Make) -> None:
    folder, network = student(**KINDS[kind])
    told = export(str(folder), "onnx")
    assert "samples of noise in batches of 1, 3, 7" in told
    session = onnxruntime.InferenceSession(folder / "export.onnx", providers=CPU)
    (given,), (said,) = session.get_inputs(), session.get_outputs()
    shape = KINDS[kind].get("shape", (3, 8, 8))
    assert given.name == "input"
    assert [given.shape[0], *given.shape[1:]] == ["batch", *shape]
    assert said.name == ("value" if kind == "regression" else "logits")
    answers = []
    for size in (1, 2, 5, 13):
        samples = torch.rand(size, *shape)
        with torch.no_grad():
            expected = network(Batch(samples, torch.zeros(0), torch.zeros(0))).logits.numpy()
        (found,) = session.run(None, {"input": samples.numpy()})
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        answers.append(found)
    # Answers that do not depend on the input would prove nothing.
    assert np.concatenate(answers).std(axis=0).max() > 1e-4


def test_metadata_says_how_to_use_it(student: Make) -> None:
    folder, _ = student(MLP, classes=("cat", "dög", 'a "b"'))
    export(str(folder), "onnx")
    session = onnxruntime.InferenceSession(folder / "export.onnx", providers=CPU)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == ["cat", "dög", 'a "b"']
    assert json.loads(metadata["shape"]) == [3, 8, 8]
    assert metadata["input"] == "RGB images (N, 3, 8, 8), float32 from 0 to 1"
    assert "softmax" in metadata["output"]


TEXTS = '''
import torch
from torch import nn
from kdrun.types import Arrays, Dataset

class Net(nn.Module):
    """Mean of the embeddings that a mask lets through."""

    def __init__(self, num_classes, width=4):
        super().__init__()
        self.embed, self.head = nn.Embedding(50, width), nn.Linear(width, num_classes)

    def forward(self, input_ids, attention_mask):
        mask = attention_mask[:, :, None].float()
        return self.head((self.embed(input_ids) * mask).sum(1) / mask.sum(1))

def texts():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, 50, (20, 6), generator=generator)
    mask = (torch.arange(6) <= torch.arange(20)[:, None] % 6).long()
    split = Arrays({"input_ids": ids, "attention_mask": mask}, torch.arange(20) % 3)
    return Dataset(split, None, split, ["a", "b", "c"], ())
'''


@pytest.mark.parametrize("format", ["onnx", "torch_export"])
def test_texts_are_several_inputs_of_any_length(
    format: str, student: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worded.py").write_text(TEXTS)
    monkeypatch.syspath_prepend(tmp_path)
    data = {"name": "texts", "_target_": "worded.texts"}
    trusted = ["worded"]
    net = {"_target_": "worded.Net"}
    folder, network = student(net, shape=(), dataset=data, plugins=trusted)
    assert "training samples" in export(str(folder), format, plugins=trusted)
    given: Any = {
        "input_ids": torch.randint(0, 50, (4, 9)),
        "attention_mask": torch.ones(4, 9).long(),
    }
    expected = network(Batch(given, torch.zeros(0), torch.zeros(0))).logits.detach()
    if format == "onnx":
        session = onnxruntime.InferenceSession(folder / "export.onnx", providers=CPU)
        (said,) = session.run(None, {key: value.numpy() for key, value in given.items()})
        found = torch.from_numpy(said)
    else:
        found = torch.export.load(folder / "export.pt2").module()(given)
    torch.testing.assert_close(found, expected)


def test_without_data_nobody_knows_what_a_text_student_reads(
    student: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worded2.py").write_text(TEXTS)
    monkeypatch.syspath_prepend(tmp_path)
    folder, _ = student({"_target_": "worded2.Net"}, shape=(), plugins=["worded2"])
    with pytest.raises(ValueError, match="tiny reads is seen from its data only"):
        export(str(folder), "onnx", plugins=["worded2"])


@pytest.mark.parametrize("library", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_library_is_named(
    library: str, student: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = student(MLP)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        ValueError, match=rf"{library}.* is not installed: pip install 'kdrun\[onnx\]'"
    ):
        export(str(folder), "onnx")


def test_a_bfloat16_run_predicts_in_onnxruntime_and_teaches_another(
    kdrun: Callable[..., Told],
) -> None:
    words = ["method=supervised", "train.precision=bf16", "student=mlp", *QUICK[2:]]
    assert kdrun(*words).status == 0
    (folder,) = Path("outputs/default").glob("supervised_mlp_*/")
    told = kdrun("export", str(folder), "--out", "mlp.onnx")
    assert told.status == 0, told.err
    assert "on training samples" in told.out
    session = onnxruntime.InferenceSession("mlp.onnx", providers=CPU)
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)
    np.savez("new.npz", x=images)
    (logits,) = session.run(None, {"input": images.astype(np.float32) / 255})
    table = kdrun("predict", str(folder), "new.npz").out.splitlines()
    classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    assert [row.split(",")[1] for row in table[1:]] == [classes[i] for i in logits.argmax(1)]
    taught = kdrun("teacher=onnx", "teacher.path=mlp.onnx", "student=linear", *QUICK[2:])
    assert taught.status == 0, taught.err
    (record,) = Path("outputs/default").glob("distill_*/record.json")
    mine = json.loads((folder / "record.json").read_text())["metrics"]["test_accuracy"]
    assert json.loads(record.read_text())["metrics"]["teacher_accuracy"] == pytest.approx(
        mine, abs=0.01
    )


def test_a_teacher_with_other_classes_is_read_by_name(student: Make, tmp_path: Path) -> None:
    from kdrun.teacher.onnx import onnx
    from kdrun.types import Arrays, Dataset

    folder, network = student(MLP, classes=("owl", "cat", "dog"))
    export(str(folder), "onnx")
    images = torch.randint(0, 256, (9, 3, 8, 8), dtype=torch.uint8)
    split = Arrays(images, torch.arange(9) % 3)
    data = Dataset(split, split, split, ["cat", "dog", "owl"], (3, 8, 8))
    teacher = onnx(str(folder / "export.onnx"), data, torch.device("cpu"))
    batch = Batch(images.float() / 255, torch.arange(9) % 3, torch.arange(9))
    with torch.no_grad():
        expected = network(batch).logits[:, [1, 2, 0]]
    torch.testing.assert_close(teacher(batch).logits, expected)
