"""The programs of docs/raw_files.md, as they stand there, say what `kdrun predict` says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper, save
from PIL import Image

from kdrun.dataset.asked import Asked
from kdrun.dataset.table import table
from kdrun.dataset.text import text
from kdrun.dataset.tokens import Tokens
from kdrun.export.pixels import read_pixels, told_of
from kdrun.export.preprocess import fields
from kdrun.export.student import open_student
from kdrun.model import build, weights
from kdrun.predict.command import predict
from kdrun.types import Dataset

BLOCKS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs" / "raw_files.md").read_text(), re.S
)
PIXELS, PICTURE, TABLE, WORDS, TOKENS = BLOCKS
LINEAR = {"_target_": "kdrun.model.linear.Linear"}
Program = Callable[[str], list[str]]


@pytest.fixture
def said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Run a program where student.onnx lies, and read what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(program: str) -> list[str]:
        capsys.readouterr()
        exec(compile(program, "docs/raw_files.md", "exec"), {"__name__": "__main__"})
        return re.findall(r"\w+", capsys.readouterr().out)

    return run


def student(shape: tuple[int, ...], classes: list[str], reader: Any, pixels: bool = False) -> None:
    """A linear student that was never trained, and its graph as `kdrun export` writes it.

    torch takes a second for each graph, and tests/export has every kind; this one is by hand.
    """
    torch.manual_seed(0)
    network = build(LINEAR, num_classes=len(classes), shape=shape)
    file = Path("student.safetensors")
    weights.save(file, network, "linear", LINEAR, classes=classes, shape=shape, reader=reader)
    weight, bias = (own.detach().numpy() for own in network.net.parameters())
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["rows"]),
            helper.make_node("Gemm", ["rows", "weight", "bias"], ["logits"], transB=1),
        ],
        "linear",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(classes)])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    metadata = open_student(str(file)).metadata
    saved(graph, told_of(metadata, "nhwc") if pixels else metadata)


def saved(graph: Any, metadata: dict[str, str]) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, metadata)
    if graph.input[0].name == "input" and "uint8" in metadata["input"]:
        read_pixels(model, json.loads(metadata["preprocess"]), "nhwc")
    save(model, "student.onnx")


def of(data: Dataset) -> None:
    assert isinstance(data.shape, tuple)
    student(data.shape, data.classes, data.reader)


def predicted(inputs: str) -> list[str]:
    rows = predict("student.safetensors", inputs, 8, "cpu", [], Asked()).table.splitlines()[1:]
    return [row.split(",")[1] for row in rows]


@pytest.mark.parametrize("crop", [0.8, 1.0])
def test_photographs(said: Program, crop: float) -> None:
    answers = set()
    for place in range(8):
        generator = np.random.default_rng(place)
        colour = generator.integers(0, 256, (1, 1, 3))
        noise = (colour + generator.integers(0, 99, (31, 40 + 9 * place, 3))).clip(0, 255)
        turned = Image.Exif()
        turned[0x0112] = 6 if place % 2 else 1
        Image.fromarray(noise.astype(np.uint8)).save("photo.png", exif=turned)
        for pixels in (False, True):
            student((3, 8, 8), [*"abcdefgh"], {"crop_pct": crop}, pixels)
            answer = said(PIXELS if pixels else PICTURE)
            assert answer == predicted("photo.png")
            answers |= {*answer}
    assert len(answers) > 1


def test_tables(said: Program) -> None:
    generator = np.random.default_rng(0)
    cells = generator.normal(40, 9, (60, 2)).round(1).astype(object)
    cells[::7, 0] = ""
    frame = pd.DataFrame(cells, columns=["age", "hours"])
    frame["country"] = generator.choice(["here", "there", "far"], 60)
    frame["income"] = generator.choice(["high", "low", "none"], 60)
    frame.to_csv("people.csv", index=False)
    frame.drop(columns="income").head(20).to_csv("new.csv", index=False)
    of(table("people.csv", "income"))
    assert said(TABLE) == predicted("new.csv")
    assert len(set(said(TABLE))) > 1


def test_texts(said: Program) -> None:
    parts = ("a fine book", "dull and too long", "what a fine film", "not a book for me, dull")
    texts = [f"{one} {other}" for one in parts for other in ("", *parts)]
    labels = ["good" if "fine" in one[:12] else "bad" for one in texts]
    pd.DataFrame({"text": texts, "label": labels}).to_csv("reviews.csv", index=False)
    Path("new.txt").write_text("a fine book\ndull, and too long\n")
    of(text("reviews.csv"))
    assert said(WORDS) == predicted("new.txt")


def test_tokens(said: Program) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({"?": 0, "a": 1, "fine": 5, "long": 9, "pad": 3}, "?"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.enable_padding(pad_id=3, pad_token="pad")
    tokens = Tokens({"": made.to_str()})
    ints = [("input_ids", ["n", "l"]), ("attention_mask", ["n", "l"]), ("logits", ["n", "l"])]
    *given, answer = (helper.make_tensor_value_info(n, TensorProto.INT64, d) for n, d in ints)
    nodes = [helper.make_node("Mul", ["input_ids", "attention_mask"], ["logits"])]
    reader = {"_target_": "kdrun.dataset.new.texts", "words": None, "tokens": tokens.described}
    told = json.dumps(fields({"shape": {"input_ids": [16]}}, reader))
    names = json.dumps([str(place) for place in range(16)])
    saved(helper.make_graph(nodes, "same", given, [answer]), {"preprocess": told, "classes": names})
    cut = tokens(["a fine book", "dull, and too long"])
    assert cut["attention_mask"].min() == 0
    largest = (cut["input_ids"] * cut["attention_mask"]).argmax(1).tolist()
    assert said(TOKENS) == [str(place) for place in largest]
