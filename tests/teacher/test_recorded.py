"""Decisions in a table: what they mean, and what is no table of decisions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kdrun.dataset.augment import Augment
from kdrun.dataset.digest import digests
from kdrun.predict.answers import write
from kdrun.task.regression import Regression
from kdrun.teacher.classes import FLOOR
from kdrun.teacher.recorded import Recorded, recorded
from kdrun.types import Arrays, Batch, Dataset, Files

CLASSES = ["cat", "dog", "owl"]


def data(**changed: object) -> Dataset:
    """Five training samples of a file of six, whose fourth is for validation; and two for tests."""

    def part(ids: list[int]) -> Arrays:
        rows = torch.tensor(ids, dtype=torch.float32)[:, None].repeat(1, 2)
        return Arrays(rows, torch.tensor(ids) % 3, [str(i) for i in ids])

    splits = {"train": part([5, 0, 2, 1, 4]), "val": part([3]), "test": part([0, 1])}
    return Dataset(**{**splits, "classes": CLASSES, "shape": (2,), **changed})


def table(path: Path, **columns: object) -> str:
    pd.DataFrame(columns).to_csv(path / "t.csv", index=False)
    return str(path / "t.csv")


def ask(teacher: Recorded, *index: int) -> torch.Tensor:
    where = torch.tensor(index)
    return teacher(Batch(torch.zeros(len(index), 2), where, where)).logits


def labels(folder: Path, **options: object) -> Recorded:
    names = ["cat", "dog", "owl", "cat", "dog", "owl"]
    path = options.pop("path", None) or table(folder, id=range(6), label=names)
    return recorded(path, **{"data": data(), "augment": Augment(), **options})


def test_a_sample_is_found_by_its_id_whatever_was_cut(tmp_path: Path) -> None:
    teacher = labels(tmp_path)
    assert ask(teacher, 0, 1, 2, 3, 4).argmax(1).tolist() == [2, 0, 2, 1, 1]
    assert ask(teacher, 1).exp().flatten().tolist() == pytest.approx([1, FLOOR, FLOOR])
    on_val = teacher.on("val")
    assert on_val is not None
    assert ask(on_val, 0).argmax().item() == 0  # the sample 3
    assert teacher.on("test") is None  # a table without splits is about training samples


def test_without_ids_rows_are_in_the_order_of_the_data(tmp_path: Path) -> None:
    names = ["cat", "dog", "owl", "cat", "dog", "owl"]
    path = table(tmp_path, label=names)
    assert ask(labels(tmp_path, path=path), 0, 1, 2, 3, 4).argmax(1).tolist() == [2, 0, 2, 1, 1]
    for rows, whole in ((7, True), (6, False)):
        path = table(tmp_path, label=(names * 2)[:rows])
        with pytest.raises(ValueError, match=f"its {rows} rows have no column id.*give ids"):
            labels(tmp_path, path=path, whole=whole)


def test_probabilities_and_logits_keep_their_meaning_in_any_order_of_classes(
    tmp_path: Path,
) -> None:
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], size=6)
    given = {f"p_{name}": shares[:, i] for i, name in enumerate(CLASSES)}
    path = table(tmp_path, **dict(reversed(given.items())), id=range(6))
    said = ask(labels(tmp_path, path=path), 1, 4).softmax(1)
    torch.testing.assert_close(said, torch.from_numpy(shares[[0, 4]]).float())

    raw = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    more = [*CLASSES, "newt"]  # one that the data do not have
    path = table(tmp_path, id=range(6), **{f"logit_{n}": raw[:, i] for i, n in enumerate(more)})
    assert torch.equal(ask(labels(tmp_path, path=path), 1, 4), torch.from_numpy(raw[[0, 4], :3]))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "npz", "parquet"])
def test_what_is_written_is_read_bit_for_bit(tmp_path: Path, kind: str) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    ours = data()
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)) * 37
    columns: dict[str, list[str]] = {"split": [], "id": [], "digest": []}
    for name, split in (("train", ours.train), ("val", ours.val), ("test", ours.test)):
        assert isinstance(split, Arrays)
        assert split.ids is not None
        columns["split"] += [name] * len(split)
        columns["id"] += split.ids
        columns["digest"] += digests(split)
    write(tmp_path / f"t.{kind}", columns, logits, CLASSES)
    teacher = labels(tmp_path, path=str(tmp_path / f"t.{kind}"))
    assert torch.equal(ask(teacher, 0, 1, 2, 3, 4), logits[:5])
    assert torch.equal(ask(teacher.on("test"), 0, 1), logits[6:])


def test_nested_probabilities_of_json_are_columns(tmp_path: Path) -> None:
    lines = [{"id": i, "probabilities": {"cat": 0.5, "owl": 0.5, "dog": 0.0}} for i in range(5)]
    lines.append({"id": 5, "probabilities": {"cat": 0.0, "owl": 1.0, "dog": 0.0}})
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    said = ask(labels(tmp_path, path=str(path)), 0, 1).exp()
    torch.testing.assert_close(said, torch.tensor([[FLOOR, FLOOR, 1], [0.5, FLOOR, 0.5]]))


def test_rows_that_disagree_become_a_distribution(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        id=[0, 0, 0, 1, 2, 3, 4, 5],
        label=["cat", "dog", "dog", "dog", "owl", "cat", "dog", "owl"],
        weight=[1, 1, 2, 1, 1, 1, 1, 1],
    )
    teacher = labels(tmp_path, path=path)
    assert ask(teacher, 1).exp().flatten().tolist() == pytest.approx([0.25, 0.75, FLOOR])
    assert teacher.weight is not None
    assert teacher.weight.tolist() == pytest.approx([1, 4 / 3, 1, 1, 1])


def test_confidence_is_the_probability_of_the_label(tmp_path: Path) -> None:
    names = ["cat", "dog", "owl", "cat", "dog", "owl"]
    path = table(tmp_path, id=range(6), label=names, confidence=[0.6, 1, 1, 1, 1, 1])
    said = ask(labels(tmp_path, path=path), 1).exp()
    assert said.flatten().tolist() == pytest.approx([0.6, 0.2, 0.2])


def test_missing_rows_are_refused_or_labels_or_left_out(tmp_path: Path) -> None:
    # The sample 2 has an empty cell, the sample 4 no row.
    path = table(tmp_path, id=[0, 1, 2, 3, 5], label=["cat", "dog", None, "cat", "owl"])
    with pytest.raises(ValueError, match=r"2 of 5 training samples have no row, such as '2'"):
        labels(tmp_path, path=path)
    plain = labels(tmp_path, path=path, missing="label")
    assert ask(plain, 0, 1, 2, 3, 4).argmax(1).tolist() == [2, 0, 2, 1, 1]
    assert plain.weight is None
    skipped = labels(tmp_path, path=path, missing="skip")
    assert skipped.weight is not None
    assert skipped.weight.tolist() == [1, 1, 0, 1, 0]
    unlabelled = data()
    unlabelled.train.targets[2] = -1
    half = labels(tmp_path, path=path, missing="label", data=unlabelled)
    assert half.weight is not None
    assert half.weight.tolist() == [1, 1, 0, 1, 1]


@pytest.mark.parametrize(
    "text",
    [
        "id,label\n" + "".join(f"{i},{n},\n" for i, n in enumerate(CLASSES * 2)),
        "id,label\n" + "".join(f"{i}.0,{i % 3}.0\n" for i in range(6)),
        "id,label\n" + "".join(f"{i:05d},{i % 3}\n" for i in range(6)),
        " ID , Label ,said by\n" + "".join(f"{i}, {CLASSES[i % 3]} ,me\n" for i in range(6)),
        "p_2.0,p_0.0,p_1.0,id\n"
        + "".join(f"{i % 3 == 2:d},{i % 3 == 0:d},{i % 3 == 1:d},{i}\n" for i in range(6)),
    ],
    ids=["trailing comma", "floats", "zeros before", "blanks and case", "classes as floats"],
)
def test_other_spellings_mean_the_same(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    teacher = labels(tmp_path, path=str(tmp_path / "t.csv"))
    assert ask(teacher, 0, 1, 2, 3, 4).argmax(1).tolist() == [2, 0, 2, 1, 1]


def test_more_cells_than_the_header_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,label\n" + "".join(f"{i},cat,x\n" for i in range(6)))
    with pytest.raises(ValueError, match=r"t\.csv.* 3 cells and the header 2"):
        labels(tmp_path, path=str(tmp_path / "t.csv"))


def counted(classes: list[str]) -> Dataset:
    """A hundred samples in four classes, the first of which is for validation."""
    random = np.random.default_rng(0)
    targets = torch.from_numpy(random.integers(0, 4, 100))
    train, val = (
        Arrays(torch.zeros(len(own), 2), targets[own], [str(i) for i in own])
        for own in (range(1, 100), range(1))
    )
    return data(train=train, val=val, classes=classes)


def test_ids_that_begin_at_one_are_refused(tmp_path: Path) -> None:
    ours = counted(list("abcd"))
    said = [ours.classes[t] for t in [*ours.val.targets.tolist(), *ours.train.targets.tolist()]]
    right = table(tmp_path, id=range(99), label=said[:99])
    assert labels(tmp_path, path=right, data=ours, missing="label") is not None
    right = table(tmp_path, id=range(1, 100), label=said[1:])  # none about the first sample
    assert labels(tmp_path, path=right, data=ours) is not None
    for missing in ("error", "label", "skip"):
        path = table(tmp_path, id=range(1, 100), label=said[:99])
        with pytest.raises(ValueError, match=r"ids seem to begin at 1, .* Subtract 1"):
            labels(tmp_path, path=path, data=ours, missing=missing)
    ours.train.targets[:] = -1  # what is hidden is not looked at
    assert labels(tmp_path, path=path, data=ours) is not None


def test_columns_that_count_classes_from_one_are_refused(tmp_path: Path) -> None:
    ours = counted(list("0123"))
    shares = {f"p_{k + 1}": np.full(100, 0.25) for k in range(4)}
    with pytest.raises(ValueError, match=r"4 classes from 1 \(1 to 4\), and the data from 0"):
        labels(tmp_path, path=table(tmp_path, id=range(100), **shares), data=ours)


def test_samples_that_cannot_be_told_apart_are_refused(tmp_path: Path) -> None:
    ours = data()
    ours.train.ids[1] = "5"
    with pytest.raises(ValueError, match="2 samples of the train split are called '5'"):
        labels(tmp_path, data=ours)


def test_an_image_is_called_by_its_path(tmp_path: Path) -> None:
    train = Files(["x"] * 3, torch.arange(3), 8, ids=[f"{c}/a/0.png" for c in CLASSES])
    path = table(tmp_path, id=["a/0.png"] * 3, label=CLASSES)
    with pytest.raises(ValueError, match=r"CLASS/\.\.\./FILE; 'a/0.png' may be cat/a/0.png or dog"):
        labels(tmp_path, path=path, data=data(train=train, val=None, test=train))


def test_numbers_stand_for_classes_that_have_names(tmp_path: Path) -> None:
    path = table(tmp_path, id=range(6), label=[0, 1, 2, 0, 1, 2])
    assert ask(labels(tmp_path, path=path), 0, 1).argmax(1).tolist() == [2, 0]


NAMES = ["cat", "dog", "owl", "cat", "dog", "owl"]
BAD: list[tuple[dict[str, object], str]] = [
    ({"id": range(10, 16), "label": NAMES}, r"6 of its 6 ids are no sample's, such as '10'"),
    ({"id": [0, 1, 2, 3, 4, 55], "label": NAMES}, r"1 of its 6 ids are no sample's, such as '55'"),
    ({"id": range(6), "label": [*NAMES[:5], "dgo"]}, r"label of row 6 is 'dgo'; did you mean"),
    ({"id": range(6), "Lable": NAMES}, "it has only id, Lable: give a column label, or p_NAME"),
    ({"id": range(6), "label": [None] * 6}, "none of its 6 rows says anything in label"),
    ({"id": range(6), "label": NAMES, "ID": range(6)}, "it has two columns 'id'"),
    ({"id": range(6), "p_cat": [1] * 6, "p_ cat": [0] * 6}, "it has two columns 'p_cat'"),
    ({"id": range(1, 7), "label": NAMES}, "such as '6'.* counted from 0: subtract 1"),
    ({"id": range(6), "label": [1, 2, 3] * 2}, "label of row 3 is '3'; .* from 1: subtract 1"),
    (
        {"id": range(6), **{f"p_{n}": [v] * 6 for n, v in zip((1, 2, 3), (1, 0, 0), strict=True)}},
        r"knows 3 classes \(1, 2, 3\), but .*numbers of classes begin at 0",
    ),
    (
        {"id": range(6), **{f"p_{n}": [v] * 6 for n, v in zip(CLASSES, (80, 15, 5), strict=True)}},
        "outside 0 to 1: they are percentages, so divide them by 100",
    ),
    (
        {"id": range(6), **{f"p_{n}": [-1.1] * 6 for n in CLASSES}},
        "outside 0 to 1: logarithms belong in columns logit_NAME",
    ),
    (
        {"id": range(6), "p_cat": [0.5] * 6, "p_dog": [0.5] * 5 + [None]},
        "p_dog of row 6 is empty: probabilities are finite numbers",
    ),
    ({"id": range(6), "label": NAMES, "confidence": [95] * 6}, "divide percentages by 100"),
    ({"id": range(6), "label": NAMES, "weight": [0] * 6}, "every weight is 0"),
    ({"id": range(6), "label": NAMES, "p_cat": [1] * 6}, "it has label and probabilities"),
    (
        {"id": range(6), **{f"p_{n}": [0.3] * 6 for n in CLASSES}},
        "probabilities of row 1 sum to 0.9, not to one, and so it is in 6 rows: .*divide each row",
    ),
    (
        {
            "id": range(6),
            **{f"p_{n}": [v] * 6 for n, v in zip(CLASSES, (1.5, -1, 0.5), strict=True)},
        },
        "probabilities of row 1 lie outside 0 to 1",
    ),
    ({"id": range(6), "p_cat": ["a"] * 6, "p_dog": [1] * 6}, "p_cat of row 1 is 'a'"),
    ({"id": range(6), "p_ant": [1] * 6}, r"the teacher knows 1 classes \(ant\), but .* 3 classes"),
    ({"id": range(6), "label": NAMES, "confidence": [2] * 6}, "confidence of row 1 is 2"),
    ({"id": range(6), "label": NAMES, "confidence": ["x"] * 6}, "confidence of row 1 is 'x'"),
    ({"id": range(6), "label": NAMES, "weight": [-1] * 6}, "weight of row 1 is -1: .* not be neg"),
    ({"id": range(6), "label": NAMES, "split": ["trian"] * 6}, "split is train, val or test"),
]


@pytest.mark.parametrize(("columns", "message"), BAD)
def test_a_table_that_is_none_is_told(
    tmp_path: Path, columns: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        labels(tmp_path, path=table(tmp_path, **columns))


def test_other_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("x")
    (tmp_path / "t.jsonl").write_text('{"id": 1\n')
    for name, message in (("t.txt", "none of .csv"), ("t.jsonl", "line 1 is no JSON")):
        with pytest.raises(ValueError, match=message):
            labels(tmp_path, path=str(tmp_path / name))
    with pytest.raises(FileNotFoundError, match=r"no file .*t\.npz"):
        labels(tmp_path, path=str(tmp_path / "t.npz"))
    with pytest.raises(ValueError, match="about classes, and this dataset has none"):
        labels(tmp_path, data=replace(data(), classes=[], task=Regression()))


def test_numbers_that_were_not_judged_are_refused(tmp_path: Path) -> None:
    train = data().train
    assert isinstance(train, Arrays)
    path = table(tmp_path, id=train.ids, label=["cat"] * 5, digest=digests(train))
    assert labels(tmp_path, path=path) is not None
    other = Arrays(train.inputs + 1, train.targets, train.ids)
    with pytest.raises(ValueError, match="sample '5' is not what was judged"):
        labels(tmp_path, path=path, data=data(train=other))
    with pytest.raises(ValueError, match=r"dataset\.augment changes"):
        labels(tmp_path, path=path, augment=Augment(flip=True))
    assert labels(tmp_path, augment=Augment(flip=True)) is not None  # an expert's cat stays one
    with pytest.raises(ValueError, match=r"dataset\.augment changes"):
        labels(tmp_path, augment=Augment(mixup=0.2))


PLAIN = ("student=mlp", "train.epochs=2", "train.progress=false", "dataset.augment=null")


@pytest.mark.parametrize(("teacher", "kind"), [("mlp", "csv"), ("resnet8", "npz")])
def test_recorded_equals_live_bit_for_bit(kdrun, teacher: str, kind: str) -> None:
    live = (f"teacher={teacher}", "train.precision=fp32", *PLAIN)
    assert kdrun(*live).status == 0
    (run,) = Path("outputs/cache/teacher").glob("supervised_*")
    assert kdrun("predict", str(run), "--record", f"said.{kind}").status == 0
    told = kdrun(*live[1:], "teacher=recorded", f"teacher.path=said.{kind}", "name=again")
    assert told.status == 0, told.err
    runs = [next(Path("outputs").glob(f"{name}/distill_*")) for name in ("default", "again")]
    a, b = ((run / "student.safetensors").read_bytes() for run in runs)
    assert a == b
    metrics = [json.loads((run / "record.json").read_text())["metrics"] for run in runs]
    for name in ("test_accuracy", "teacher_accuracy", "agreement", "kl_to_teacher"):
        assert metrics[0][name] == metrics[1][name]
    assert "teacher_params" not in metrics[1] or metrics[1]["teacher_params"] is None


def test_mistakes_at_the_command_line(kdrun) -> None:
    Path("t.csv").write_text("id,label\n0,3\n1,4\n")
    words = ("student=linear", "teacher=recorded", "teacher.path=t.csv", "dataset.augment=null")
    for more, hint in (
        ((), "training samples have no row"),
        (("teacher.missing=lable",), "did you mean 'label'?"),
        (("teacher.path=u.csv",), "no file u.csv"),
        (
            ("teacher.missing=skip", "loss=at", "student=resnet8"),
            "loss.terms.at reads features, which teacher",
        ),
    ):
        told = kdrun(*words, *more)
        assert told.status == 2, told
        assert hint in told.err
        assert "Traceback" not in told.err
    assert kdrun("predict", "nowhere", "--record", "t.csv").status == 2
