"""Weights that somebody else wrote: found by their names, and what nobody says of them is told."""

from __future__ import annotations

import argparse
import os
import pickle
import re
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from kdrun.files.archive import read_archive
from kdrun.model import build
from kdrun.model.adopt import adopt
from kdrun.teacher.building import faults
from kdrun.types import Arrays, Dataset

CLASSES = ["cat", "dog", "eel"]
ROLE = {"name": "resnet8", "model": {"_target_": "kdrun.model.resnet.ResNet", "depth": 8}}


def data(classes=CLASSES, channels=1, size=8):
    images = torch.arange(12 * channels * size**2).remainder(256).to(torch.uint8)
    targets = torch.arange(12) % 3
    whole = images.view(12, channels, size, size)
    split = Arrays(whole, targets if len(classes) else targets.float())
    mean, std = (0.3,) * channels, (0.2,) * channels
    return Dataset(split, None, split, list(classes), (channels, size, size), mean, std)


def builder(given):
    def make(role, header):
        return build(
            role["model"],
            num_classes=len(header.get("classes", given.classes)) or 1,
            shape=given.shape,
            mean=header.get("mean", given.mean),
            std=header.get("std", given.std),
            known="mean" in header,
        )

    return make


def network(classes=3, seed=0):
    torch.manual_seed(seed)
    net = build(ROLE["model"], num_classes=classes, shape=(1, 8, 8)).net
    for name, buffer in net.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return net


def state(seed=0, classes=3):
    return dict(network(classes, seed).state_dict())


def under(prefix, seed=0):
    return {f"{prefix}{name}": value for name, value in state(seed).items()}


def take(tree, tmp_path, given=None, own=False, **role):
    path = tmp_path / "w.pt"
    torch.save(tree, path)
    given = given or data()
    return adopt({**ROLE, **role}, path, builder(given), given, own)


def same(adopted, seed=0):
    found = adopted.network.net.state_dict()
    return all(torch.equal(value, found[name]) for name, value in state(seed).items())


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda: state(),
        lambda: OrderedDict(state()),
        lambda: {"state_dict": state(), "epoch": 3, "arch": "x", "optimizer": {"state": {0: {}}}},
        lambda: {"model": {"state_dict": under("module._orig_mod.")}},
        lambda: {"network": under("_orig_mod.module.")},
        lambda: {"state_dict": under("student.net.") | {"criterion.weight": torch.zeros(3)}},
        lambda: {"state_dict": under("module.student.") | under("module.teacher.", 1)},
        lambda: {"net": {k: v for k, v in state().items() if "num_batches" not in k}},
        lambda: {k.replace("layer1.", "layer1._orig_mod."): v for k, v in state().items()},
        lambda: {"net": state(), "args": argparse.Namespace(lr=0.1, out=Path("x"))},
        lambda: {"net": state(), "best": np.float64(0.93), "last": np.float32(0.9)},
        lambda: {"net": state() | {"total_ops": torch.zeros(1)}},
    ],
)
def test_a_network_is_found_wherever_it_stands(wrapped, tmp_path):
    assert same(take(wrapped(), tmp_path))


@pytest.mark.parametrize("name", ["state_dict_ema", "model_ema", "ema", "swa_model", "modelEMA"])
def test_averaged_weights_are_taken_and_told(name, tmp_path):
    both = {"model": state(1), name: {"module": state(0)}}
    found = take(both, tmp_path)
    assert same(found)
    assert "averaged weights" in found.told
    assert "not those under 'model'" in found.told
    assert same(take(both, tmp_path, weights="raw"), seed=1)
    assert same(take(both, tmp_path, weights="ema"))
    with pytest.raises(ValueError, match="no averaged weights"):
        take({"model": state(1)}, tmp_path, weights="ema")


def test_a_mean_of_parameters_alone_has_the_statistics_of_the_raw_weights(tmp_path):
    parameters = {name for name, _ in network().named_parameters()}
    mean = {k: v for k, v in state(1).items() if k in parameters}
    found = take({"model": state(0), "ema": mean}, tmp_path).network.net.state_dict()
    for name, value in found.items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, state(1 if name in parameters else 0)[name])


def test_of_several_networks_one_is_named(tmp_path):
    two = {"first": state(0), "second": state(1)}
    with pytest.raises(ValueError, match=r"several networks .* 'first', 'second': say which"):
        take(two, tmp_path)
    assert same(take(two, tmp_path, weights="second"), seed=1)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_formats_become_float32_and_are_told(kind, tmp_path):
    other = {k: v.to(kind) if v.is_floating_point() else v for k, v in state().items()}
    save_file(other, tmp_path / "w.safetensors")
    given = data()
    found = adopt(ROLE, tmp_path / "w.safetensors", builder(given), given)
    assert {p.dtype for p in found.network.parameters()} == {torch.float32}
    assert f"{str(kind)[6:]} was made float32" in found.told


def without(start):
    return {k: v for k, v in state().items() if not k.startswith(start)}


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (lambda: without("layer2"), "missing, such as layer2"),
        (lambda: without("fc"), "all but the classifier is there, and head=new"),
        (lambda: state() | {"layer3.1.conv1.weight": torch.zeros(1)}, "it is another network"),
        (lambda: state(classes=7), "knows 7 classes, and 3 are asked for: .*head=new"),
        (lambda: state() | {"conv1.weight": torch.zeros(16, 3, 3, 3)}, r"\(16, 3, 3, 3\) where"),
        (lambda: state() | {"fc.bias": torch.tensor([1, 2, 3])}, "fc.bias is int64: a quantised"),
        (lambda: state() | {"fc.bias": torch.full((3,), torch.nan)}, "not finite"),
        (lambda: {"a": torch.zeros(2)}, "none of its 1 tensors"),
        (lambda: {"optimizer": {"state": {}}, "epoch": 3}, "no tensors at all"),
        (lambda: {}, "no tensors at all"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(tree, told, tmp_path):
    with pytest.raises(ValueError, match=told) as error:
        take(tree(), tmp_path)
    assert "\n" not in str(error.value)


class Evil:
    def __reduce__(self):
        return (os.mkdir, ("ran",))


def torn(path):
    torch.save(state(), path)
    path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda p: torch.save(3, p), "holds a number"),
        (lambda p: torch.save([torch.zeros(2)], p), "holds a list"),
        (lambda p: torch.save(torch.zeros(2), p), "holds a single tensor"),
        (lambda p: p.write_bytes(b""), "is empty"),
        (torn, "cut off or damaged"),
        (lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
        (lambda p: p.write_text("<!DOCTYPE html><html>"), "is a web page"),
        (lambda p: p.write_text("hello"), "neither a safetensors file nor"),
        (lambda p: torch.save({"a": Evil()}, p), r"object of \w+.mkdir, and is not run; docs/mod"),
        (lambda p: p.write_bytes(pickle.dumps(Evil(), protocol=2)), "is not run; docs/models.md"),
        (lambda p: torch.save(nn.Linear(2, 2), p), "holds more than tensors"),
        (lambda p: p.write_bytes(b"\x89HDF\r\n"), "teacher=onnx"),
    ],
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_what_is_no_state_dict_is_told_before_anything_else(
    write, told, suffix, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"w{suffix}"
    write(path)
    found = list(faults("teacher", {**ROLE, "checkpoint": str(path)}))
    if suffix == ".pt" or path.stat().st_size < 100:
        (message,) = found
        assert "\n" not in message
        assert "\x1b" not in message
        assert "weights_only" not in message
        if suffix == ".pt":
            assert message.startswith("teacher.checkpoint: ")
            assert re.search(told, message)
    else:
        assert len(found) == 1
    assert not Path("ran").exists()


def test_scalars_of_numpy_are_read_and_nothing_of_numpys_is_called(tmp_path):
    torch.save({"a": np.float64(75.6), "b": np.int64(-3), "c": np.bool_(True)}, tmp_path / "w.pt")
    assert read_archive(tmp_path / "w.pt").tree == {"a": 75.6, "b": -3, "c": True}


@pytest.mark.parametrize(
    "said",
    [
        {"classes": ["dog", "eel", "cat"]},
        {"class_to_idx": {"dog": 0, "eel": 1, "cat": 2}},
        {"hyper_parameters": {"id2label": {0: "dog", 1: "eel", 2: "cat"}}},
        {"args": argparse.Namespace(class_names=["dog", "eel", "cat"])},
    ],
)
def test_names_of_classes_in_the_file_are_used_and_told(said, tmp_path):
    found = take({"model": state(), **said}, tmp_path)
    assert found.classes == ["dog", "eel", "cat"]
    assert "named in the file" in found.told


def test_labels_without_names_are_no_names(tmp_path):
    numbers = {f"LABEL_{i}": i for i in range(3)}
    found = take({"model": state(), "label2id": numbers}, tmp_path)
    assert found.classes == CLASSES
    assert "taken for the data's, in this order" in found.told


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("names.txt", "dog\neel\ncat\n"),
        ("names.json", '["dog", "eel", "cat"]'),
        ("names.json", '{"dog": 0, "cat": 2, "eel": 1}'),
        ("names.json", '{"0": ["n1", "dog"], "1": ["n2", "eel"], "2": ["n3", "cat"]}'),
    ],
)
def test_names_of_classes_from_a_file(file, text, tmp_path):
    (tmp_path / file).write_text(text)
    assert take(state(), tmp_path, classes=str(tmp_path / file)).classes == ["dog", "eel", "cat"]


@pytest.mark.parametrize(
    ("role", "mean", "std"),
    [
        ({}, 0.3, 0.2),
        ({"mean": 0, "std": 1}, 0.0, 1.0),
        ({"mean": [0.5], "std": [0.25]}, 0.5, 0.25),
    ],
)
def test_pixels_are_normalised_as_was_said(role, mean, std, tmp_path):
    found = take(state(), tmp_path, **role)
    assert found.network.normalisation == (pytest.approx([mean]), pytest.approx([std]))
    assert ("as the data's" in found.told) is not role


@pytest.mark.parametrize(
    "settings", [{"mean": [0.5], "std": [0.25]}, {"mean": 127.5, "std": 63.75}]
)
def test_pixels_are_normalised_as_the_file_says(settings, tmp_path):
    found = take({"model": state(), "pretrained_cfg": settings}, tmp_path)
    assert found.network.normalisation == (pytest.approx([0.5]), pytest.approx([0.25]))
    assert "as the file says" in found.told


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ({"mean": 0.5}, "both mean and std"),
        ({"mean": 125, "std": 60}, "divide mean and std by 255"),
        ({"mean": 0, "std": 0}, "above 0"),
        ({"mean": [0.5, 0.5, 0.5], "std": [1, 1, 1]}, "give 1 numbers"),
        ({"unit": [0, 1]}, "of a regression's values"),
        ({"stem": "native"}, "only networks of timm have two"),
        ({"classes": "nowhere.txt"}, "there is no such file"),
        ({"classes": ["a", "a", "b"]}, "'a' stands there twice"),
    ],
)
def test_options_that_do_not_fit_are_refused(role, told, tmp_path):
    with pytest.raises(ValueError, match=told):
        take(state(), tmp_path, **role)


def test_a_new_head_on_a_kept_backbone(tmp_path):
    many = state(classes=1000)
    found = take(many, tmp_path, own=True, head="new")
    kept = found.network.net.state_dict()
    assert all(torch.equal(kept[k], v) for k, v in many.items() if not k.startswith("fc"))
    assert found.network.net.fc.weight.shape == (3, 64)
    assert "the classifier is a new one" in found.told


def test_a_backbone_needs_no_classifier_in_its_file(tmp_path):
    found = take(without("fc"), tmp_path, head="none")
    kept = found.network.net.state_dict()
    assert all(torch.equal(kept[key], value) for key, value in without("fc").items())
    assert "without a classifier" in found.told
    assert "classes" not in found.told


def test_a_student_keeps_the_rows_of_its_classes(tmp_path):
    given = data(["eel", "cat", "dog"])
    found = take({"model": state(), "classes": CLASSES}, tmp_path, given, own=True)
    assert torch.equal(found.network.net.fc.weight, state()["fc.weight"][[2, 0, 1]])
    given = data(["eel", "fox", "dog"])
    with pytest.raises(ValueError, match="does not know the class fox"):
        take({"model": state(), "classes": CLASSES}, tmp_path, given, own=True)


@pytest.mark.parametrize(
    ("name", "trained", "stride"),
    [("efficientnet_b0", "native", 2), ("resnet18", "native", 2), ("resnet18", "small", 1)],
)
def test_the_stem_is_the_one_that_fits_the_weights_timms_own_first(name, trained, stride, tmp_path):
    role = {"name": name, "model": {"_target_": "kdrun.model.timm.create", "name": name}}
    given = data(channels=3, size=32)
    made = build({**role["model"], "stem": trained}, num_classes=3, shape=given.shape).net
    torch.save(made.state_dict(), tmp_path / "w.pt")
    found = adopt(role, tmp_path / "w.pt", builder(given), given)
    first = next(m for m in found.network.net.modules() if isinstance(m, nn.Conv2d))
    assert first.stride == (stride, stride)
    assert f"its stem is the {trained} one" in found.told
    found = adopt({**role, "stem": trained}, tmp_path / "w.pt", builder(given), given)
    assert "its stem" not in found.told


def test_values_of_a_regression_are_in_the_datas_unit_unless_said(tmp_path):
    given = data([])
    assert "the data's unit" in take(state(classes=1), tmp_path, given).told
    assert "unit" not in take(state(classes=1), tmp_path, given, unit=[3.0, 2.0]).told
