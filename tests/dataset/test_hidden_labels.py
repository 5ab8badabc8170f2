"""`labels=none` reads no label of the target's training samples: permuted, they change nothing.

Methods and strategies see a `Dataset` and nothing else of the data, so it is enough that this is
the same; that they do see nothing else is tried with a few of them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kdrun.dataset import digit_domains, digits_shifted, domains, heart, office_caltech, table, text
from kdrun.dataset.fold import Fold
from kdrun.types import Arrays

MODULES = (digit_domains, digits_shifted, heart, office_caltech, table, text)

OPTIONS = (
    {},
    {"train_size": 40},
    {"train_size": 40, "val_fraction": 0.25},
    {"val_fraction": 0},
    {"train_size": 40, "split_seed": 3},
    {"train_size": 30, "fold": Fold(1, 3)},
)


@pytest.fixture
def permute(monkeypatch):
    """Permute the labels of the target's training samples in every dataset with domains."""

    def other(target, *rest, **named):
        order = torch.randperm(len(target.train), generator=torch.Generator().manual_seed(1))
        train = replace(target.train, targets=target.train.targets[order])
        return domains.combine(target._replace(train=train), *rest, **named)

    def now():
        for module in MODULES:
            monkeypatch.setattr(module, "combine", other)

    return now


def write_table(path):
    rows = [f"{i * 7 % 11},{'abc'[i % 3]},{'ab'[i % 2]},{i // 4}" for i in range(240)]
    path.write_text("\n".join(["x,label,home,group", *rows]))


def write_texts(path):
    words = ["good fine day", "bad poor night", "so so thing"]
    rows = [f"{words[i % 3]} w{i % 17} v{i},{'abc'[i % 3]},{'ab'[i % 2]}" for i in range(240)]
    path.write_text("\n".join(["text,label,domain", *rows]))


def write_votes(path):
    words = ["good fine day", "bad poor night", "so so thing"]
    rows = [f"{words[i % 3]} v{i % 80},{'abc'[i * 7 % 3]},{'ab'[i % 2]}" for i in range(240)]
    path.write_text("\n".join(["text,label,domain", *rows]))


def write_patients(place):
    names = [*heart.NUMERIC, *heart.NOMINAL, "target"]
    for seed, hospital in enumerate("ab"):
        cells = np.random.default_rng(seed).integers(0, 3, (240, len(names)))
        lines = [",".join(names), *(",".join(map(str, row)) for row in cells)]
        (place / f"processed.{hospital}.data").write_text("\n".join(lines))


def write_images(path, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (240, 6, 6), dtype=np.uint8)
    labels = np.arange(240) % 3
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:30], y_test=labels[:30])


def make(name, folder, **options):
    if name == "patients":
        write_patients(folder)
        return heart.heart(str(folder), source="a", target="b", **options)
    if name == "images":
        paths = [str(folder / f"{letter}.npz") for letter in "ab"]
        for seed, path in enumerate(paths):
            write_images(path, seed)
        return digit_domains.digit_domains("", *paths, **options)
    if name == "digits_shifted":
        return digits_shifted.digits_shifted(**options)
    path = folder / name
    if name == "rows.npz":
        rows, labels = np.random.default_rng(0).random((240, 5)), np.arange(240) % 3
        half = {"x_a": rows, "y_a": labels, "x_b": rows * 2, "y_b": labels}
        np.savez(path, **{k: v.astype(np.int64 if k[0] == "y" else float) for k, v in half.items()})
        return office_caltech.office_caltech(str(path), source="a", target="b", **options)
    if name == "texts.csv":
        write_texts(path)
        return text.text(str(path), source="a", target="b", vocabulary="union", **options)
    if name == "votes.csv":
        write_votes(path)
        return text.text(str(path), source="a", target="b", repeated="distribution", **options)
    write_table(path)
    group = "group" if name == "groups.csv" else None
    return table.table(
        str(path), "label", domain="home", source="a", target="b", group=group, **options
    )


def same(one, other):
    """Whether two datasets are the same in all that is learnt from."""
    assert isinstance(one.train, Arrays)
    assert isinstance(other.train, Arrays)
    assert one.val is None
    assert other.val is None
    pairs = [(one.train, other.train), (one.source.train, other.source.train)]
    if one.source.val is not None:
        pairs.append((one.source.val, other.source.val))
    return (
        all(
            torch.equal(a.inputs, b.inputs) and torch.equal(a.targets, b.targets) and a.ids == b.ids
            for a, b in pairs
        )
        and (one.mean, one.std, one.classes, one.shape)
        == (other.mean, other.std, other.classes, other.shape)
        and one.reader == other.reader
    )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    "name",
    [
        *("digits_shifted", "rows.npz", "rows.csv", "groups.csv", "texts.csv", "votes.csv"),
        *("patients", "images"),
    ],
)
def test_permuted_hidden_labels_change_no_dataset(name, options, permute, tmp_path):
    plain = make(name, tmp_path, labels="none", **options)
    beside = make(name, tmp_path, labels="all", **options).source
    permute()
    assert same(plain, make(name, tmp_path, labels="none", **options))
    # The source's own model is trained beside all labels, for whoever hides how many.
    again = make(name, tmp_path, labels="all", **options).source
    assert torch.equal(beside.train.inputs, again.train.inputs)
    assert torch.equal(beside.train.targets, again.train.targets)


@pytest.mark.parametrize(
    "words",
    [
        ("method=transfer", "transfer=pca_mapping", "transfer.n_components=8"),
        ("method=transfer", "transfer=[mcc,dann]", "method.select=source_val"),
        ("method=transfer", "transfer=shot", "student=mlp"),
        ("method=cross_domain", "teacher=linear"),
    ],
    ids=lambda words: words[1],
)
def test_permuted_hidden_labels_change_no_weights(words, permute, kdrun):
    assert trained_twice(words, permute, kdrun)


STRATEGIES = sorted(file.stem for file in Path("configs/transfer").glob("*.yaml"))
METHODS = sorted(file.stem for file in Path("configs/method").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        *(("method=transfer", f"transfer={name}", "student=mlp") for name in STRATEGIES),
        *((f"method={name}", "teacher=linear", "transfer=coral") for name in METHODS),
    ],
    ids=" ".join,
)
def test_no_method_and_no_strategy_reads_a_hidden_label(words, permute, kdrun):
    trained_twice(words, permute, kdrun)


def trained_twice(words, permute, kdrun):
    """Train with labels as they are and permuted: to the same weights, or refused both times.

    Returns:
        Whether it was trained.
    """
    given = (
        *("dataset=digits_shifted", "dataset.labels=none", "dataset.train_size=100"),
        *("student=linear", *words, "train.epochs=1", "train.progress=false"),
    )
    found, refused = [], []
    for name in ("plain", "permuted"):
        told = kdrun(*given, f"name={name}", f"cache=outputs/{name}/cache")
        if told.status == 2:  # it needs labels
            refused.append(told.err)
        else:
            assert told.status == 0, told.err
            (file,) = Path("outputs", name).glob("*/student.safetensors")
            found.append(load_file(file))
        permute()
    if refused:
        assert not found
        assert refused[0] == refused[1]
        return False
    assert all(torch.equal(value, found[1][key]) for key, value in found[0].items())
    return True
