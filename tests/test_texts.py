"""Texts through the command line: models of transformers beside words, and with each other."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from kdrun.files.checkpoint import read_header
from kdrun.model.weights import rebuild
from kdrun.results.record import load_record
from tests.conftest import Told
from tests.hugging import classifier

GOOD, BAD = ("fine", "great", "lovely", "superb"), ("dull", "poor", "weak", "sad")
THINGS = ("plot", "cast", "sound", "end", "pace", "light", "cut", "score")
Kdrun = Callable[..., Told]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models whose tokenizers cut words differently, and reviews of two domains."""
    folder = tmp_path_factory.mktemp("hub")
    classifier(folder / "large", hidden_size=32, vocab_size=120)
    classifier(folder / "small", "distilbert", dim=16, n_layers=2, n_heads=2, hidden_dim=32)
    rows = []
    for i in range(160):
        word = (GOOD, BAD)[i % 2][i // 2 % 4]
        thing, other = THINGS[i // 8 % 8], THINGS[i // 3 % 8]
        rows.append(
            {
                "text": f"the {thing} is {word} and so is the {other}, scene {i}",
                "label": ("good", "bad")[i % 2],
                "domain": ("film", "play")[i // 80],
            }
        )
    classifier(folder / "long")
    told = json.loads((folder / "long" / "tokenizer_config.json").read_text())
    told["model_max_length"] = 10**9
    (folder / "long" / "tokenizer_config.json").write_text(json.dumps(told))
    rows.append({"text": "on and on " * 99, "label": "bad", "domain": "play"})
    (folder / "reviews.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def words(hub: Path, *more: str) -> list[str]:
    return [
        "dataset=text",
        f"dataset.path={hub / 'reviews.jsonl'}",
        "train.epochs=2",
        "train.progress=false",
        "train.batch_size=16",
        *more,
    ]


def role(hub: Path, who: str, name: str) -> list[str]:
    return [f"{who}=transformers", f"{who}.model.name={hub / name}"]


def row(folder: Path) -> dict[str, str]:
    with (folder / "results.csv").open() as file:
        return next(csv.DictReader(file))


def the_run() -> Path:
    (folder,) = [path.parent for path in Path("outputs/default").glob("*/student.safetensors")]
    return folder


def test_a_transformer_teaches_words(kdrun: Kdrun, hub: Path) -> None:
    told = kdrun(
        *words(hub, f"dataset.tokenizer={hub / 'large'}", "student=mlp", "loss=kd"),
        *role(hub, "teacher", "large"),
    )
    assert told.status == 0, told.err
    found = row(the_run())
    assert (found["teacher"], found["student"]) == ("large", "mlp")
    assert float(found["student_macs"]) > 0
    # What is taken home knows nothing of tokens.
    header = rebuild(the_run())
    assert header(  # type: ignore[operator]
        _batch(torch.rand(2, _width(the_run())))
    ).logits.shape == (2, 2)


def _batch(x: torch.Tensor):  # type: ignore[no-untyped-def]
    from kdrun.types import Batch

    return Batch(x, torch.zeros(len(x)), torch.arange(len(x)))


def _width(run: Path) -> int:
    (width,) = read_header(run)["shape"]
    return int(width)


def test_teacher_and_student_read_tokens_of_their_own(kdrun: Kdrun, hub: Path) -> None:
    loss = "[kd,hidden,rkd,fitnets]"
    names = f"[{hub / 'large'},{hub / 'small'}]"
    told = kdrun(
        *words(hub, f"dataset.tokenizer={names}", "dataset.words=false", f"loss={loss}"),
        *role(hub, "teacher", "large"),
        *role(hub, "student", "small"),
    )
    assert told.status == 0, told.err
    assert row(the_run())["status"] == "ok"
    assert read_header(the_run())["shape"].keys() == {"input_ids", "attention_mask"}


@pytest.mark.parametrize(
    ("more", "status"),
    [([], 2), (["student.model.tokenizer=HUB/small"], 0), (["student.model.pretrained=false"], 0)],
)
def test_weights_ask_for_their_own_tokenizer(
    kdrun: Kdrun, hub: Path, more: list[str], status: int
) -> None:
    told = kdrun(
        *words(hub, f"dataset.tokenizer={hub / 'small'}", "method=supervised", "train.epochs=1"),
        *role(hub, "student", "large"),
        *[word.replace("HUB", str(hub)) for word in more],
    )
    assert told.status == status, told.err
    assert status == 0 or "wants the tokens of" in told.err


def test_a_teacher_is_taken_as_it_is(kdrun: Kdrun, hub: Path) -> None:
    told = kdrun(
        *words(hub, f"dataset.tokenizer={hub / 'large'}", "student=mlp", "teacher.recipe.epochs=0"),
        *role(hub, "teacher", "large"),
    )
    assert told.status == 0, told.err
    (teacher,) = Path("outputs/cache/teacher").glob("*/student.safetensors")
    theirs = AutoModelForSequenceClassification.from_pretrained(hub / "large")
    mine = rebuild(teacher).net  # type: ignore[union-attr]
    for name, value in theirs.state_dict().items():
        assert torch.equal(value, mine.state_dict()[name])  # type: ignore[operator]


def test_one_half_of_the_layers_learns_from_the_whole(kdrun: Kdrun, hub: Path) -> None:
    told = kdrun(
        *words(hub, f"dataset.tokenizer={hub / 'large'}", "dataset.words=false", "loss=minilm"),
        *role(hub, "teacher", "large"),
        *role(hub, "student", "large"),
        "student.model.layers=2",
    )
    assert told.status == 0, told.err
    assert float(row(the_run())["compression"]) > 1.2


def test_killed_between_epochs_it_ends_with_the_same_bits(
    kdrun: Kdrun, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [
        *words(hub, f"dataset.tokenizer={hub / 'small'}", "dataset.words=false", "loss=hidden"),
        *role(hub, "teacher", "small"),
        *role(hub, "student", "small"),
        "student.model.pretrained=false",
        "+student.model.dim=8",
    ]
    assert kdrun(*command).status == 0
    whole = (the_run() / "student.safetensors").read_bytes()
    shutil.rmtree(the_run())

    from kdrun.run import course

    save, saved = course.save_state, []

    def cut_off(path: Path, state: dict[str, object]) -> None:
        save(path, state)
        saved.append(path)
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "save_state", cut_off)
    assert kdrun(*command).status != 0
    assert saved
    monkeypatch.setattr(course, "save_state", save)
    assert kdrun(*command).status == 0
    assert (the_run() / "student.safetensors").read_bytes() == whole


@pytest.mark.parametrize("transfer", ["[dann,mcc]", "coral", "fine_tune"])
def test_a_transformer_goes_from_domain_to_domain(kdrun: Kdrun, hub: Path, transfer: str) -> None:
    labels = "all" if transfer == "fine_tune" else "none"
    told = kdrun(
        *words(hub, f"dataset.tokenizer={hub / 'small'}", "dataset.words=false"),
        *("dataset.source=film", "dataset.target=play", f"dataset.labels={labels}"),
        *("method=transfer", f"transfer={transfer}"),
        *role(hub, "student", "small"),
    )
    assert told.status == 0, told.err
    assert row(the_run())["source_only_accuracy"]


def test_both_domains_in_one_batch(kdrun: Kdrun, hub: Path) -> None:
    told = kdrun(
        *words(hub, f"dataset.tokenizer={hub / 'small'}"),
        *("dataset.source=film", "dataset.target=play", "dataset.labels=none"),
        *("method=transfer", "transfer=mmd", "transfer.batch_norm=joint"),
        *role(hub, "student", "small"),
    )
    assert told.status == 0, told.err


LONG = ("student.model.name={hub}/long",)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["dataset.words=false"], "leaves nothing to read: set dataset.tokenizer"),
        (
            [],
            "reads tokens, and here are none: set dataset.tokenizer",
        ),
        (["dataset.tokenizer={hub}/nothing"], "there is no such folder with a tokenizer.json"),
        (["dataset.tokenizer={hub}/large", "student.model.layers=9"], "layers=9"),
        (
            ["dataset.tokenizer={hub}/long", "dataset.max_length=999", *LONG],
            "knows about 64 positions",
        ),
        (
            ["dataset.tokenizer={hub}/large", "+student.model.hiden_size=9"],
            "did you mean 'hidden_size'",
        ),
        (["dataset.tokenizer={hub}/large", "dataset.words=false", "student=mlp"], "words=true"),
    ],
)
def test_mistakes_are_told_before_training(
    kdrun: Kdrun, hub: Path, overrides: list[str], told: str
) -> None:
    given = [word.replace("{hub}", str(hub)) for word in overrides]
    own = [] if "student=mlp" in given else role(hub, "student", "large")
    found = kdrun(*words(hub, "method=supervised"), *own, *given)
    assert found.status == 2
    assert len(found.err.strip().splitlines()) == 1
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(found.err)


def test_it_is_exported_with_what_it_reads_alone(kdrun: Kdrun, hub: Path) -> None:
    told = kdrun(
        *words(hub, "method=supervised", f"dataset.tokenizer={hub / 'small'}"),
        *role(hub, "student", "small"),
    )
    assert told.status == 0, told.err
    for format in ("onnx", "torch_export", "safetensors"):
        told = kdrun("export", str(the_run()), "--format", format)
        assert told.status == 0, told.err
        assert "on training samples" in told.out
    file = next(the_run().glob("*.onnx"))
    session = onnxruntime.InferenceSession(file)
    assert [given.name for given in session.get_inputs()] == ["input_ids", "attention_mask"]
    accuracy = row(the_run())["test_accuracy"]
    told = kdrun(
        *words(hub, f"dataset.tokenizer={hub / 'small'}", "student=mlp", "name=taught"),
        *("method=distill", "teacher=onnx", f"teacher.path={file}"),
    )
    assert told.status == 0, told.err
    (taught,) = Path("outputs/taught").glob("*/results.csv")
    assert row(taught.parent)["teacher_accuracy"] == accuracy


@pytest.mark.parametrize("method", ["supervised", "mutual"])
def test_nothing_is_learnt_where_no_label_is_known(kdrun: Kdrun, hub: Path, method: str) -> None:
    told = kdrun(*words(hub, f"method={method}", "student=mlp", "dataset.labels=none"))
    assert told.status == 2
    assert f"method={method} learns from labels, and no training sample has one" in told.err


def test_terms_for_images_are_refused_before_the_source_is_trained(kdrun: Kdrun, hub: Path) -> None:
    told = kdrun(
        *words(hub, "method=transfer", "transfer=self_training", "student=mlp"),
        *("dataset.source=film", "dataset.target=play", "dataset.labels=none"),
    )
    assert told.status == 2
    assert "self_training augments images" in told.err
    assert not list(Path("outputs/cache").glob("teacher/*"))


def test_the_record_tells_the_model(kdrun: Kdrun, hub: Path) -> None:
    told = kdrun(
        *words(hub, "method=supervised", f"dataset.tokenizer={hub / 'small'}"),
        *role(hub, "student", "small"),
    )
    assert told.status == 0, told.err
    model = load_record(the_run())["config"]["student"]["model"]
    assert model["name"] == str(hub / "small")
