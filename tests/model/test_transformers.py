import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kdrun.model import build
from kdrun.model.features import Network
from kdrun.model.tokens import fit_tokens
from kdrun.model.transformers import create, restore
from kdrun.model.weights import rebuild, save
from kdrun.types import Batch
from tests.hugging import classifier, tokenizer

TARGET = "kdrun.model.transformers.create"
SHAPE = {"x": (7,), "input_ids": (9,), "attention_mask": (9,)}


def texts(padding: int = 0) -> dict[str, Tensor]:
    ids = torch.randint(4, 80, (3, 9), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(9) < torch.tensor([9, 4, 6])[:, None]).long()
    pad = torch.zeros(3, padding, dtype=torch.int64)
    return {
        "x": torch.rand(3, 7),
        "input_ids": torch.cat([ids * mask, pad], 1),
        "attention_mask": torch.cat([mask, pad], 1),
    }


def batch(padding: int = 0) -> Batch:
    return Batch(texts(padding), torch.zeros(3), torch.arange(3))


def network(name: str, num_classes: int = 2, **arguments: Any) -> Network:
    given = {"_target_": TARGET, "name": name, **arguments}
    return build(given, num_classes=num_classes, shape=SHAPE).eval()


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(classifier(tmp_path_factory.mktemp("hub") / "bert"))


def test_it_says_what_transformers_says(bert: str) -> None:
    from transformers import AutoModelForSequenceClassification

    theirs = AutoModelForSequenceClassification.from_pretrained(bert).eval()
    inputs = {key: value for key, value in texts().items() if key != "x"}
    torch.testing.assert_close(network(bert)(batch()).logits, theirs(**inputs).logits)


KINDS: dict[str, dict[str, Any]] = {
    "bert": {},
    "distilbert": {"dim": 16, "n_layers": 4, "n_heads": 2, "hidden_dim": 32},
    "roberta": {"max_position_embeddings": 66},
    "electra": {"embedding_size": 16},
    "mpnet": {"max_position_embeddings": 66},
    "modernbert": {"max_position_embeddings": 64, "global_attn_every_n_layers": 2},
    "deberta-v2": {"relative_attention": True},
    "gpt2": {"n_embd": 16, "n_layer": 4, "n_head": 2, "n_positions": 64},
    "llama": {"num_key_value_heads": 1},
    "albert": {"embedding_size": 8, "num_hidden_groups": 1, "inner_group_num": 1},
}


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing_that_any_kind_shows(kind: str, tmp_path: Path) -> None:
    made = network(str(classifier(tmp_path / "model", kind, **KINDS[kind])))
    stages = ["features", "preactivations", "tokens"] if made.stages else []
    fields = ["embedding", *stages]
    made.keep(fields)
    with torch.no_grad():
        short, long = made(batch()), made(batch(5))
    assert short.logits.shape == (3, 2)
    assert short.embedding.shape[0] == 3
    assert short.embedding.ndim == 2
    if made.stages:
        assert len(made.stages) == 4
        assert [f.shape[1] for f in short.features] == [8] * 4
        assert [t.shape[1] for t in long.tokens] == [14] * 4
        assert short.mask.shape == short.ids.shape == (3, 9)
    for name in ("logits", "embedding", *stages[:2]):
        torch.testing.assert_close(getattr(short, name), getattr(long, name), rtol=1e-4, atol=1e-5)


def test_a_decoder_learns_from_the_data_what_padding_is(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "model", "qwen2", pad_token_id=None, num_key_value_heads=1)
    made = network(str(folder))
    with torch.no_grad():
        alone = [
            made(Batch({k: v[i : i + 1, : (9, 4, 6)[i]] for k, v in texts().items() if k != "x"},
                       torch.zeros(1), torch.zeros(1))).logits
            for i in range(3)
        ]  # fmt: skip
    inputs = made.own(texts())
    fit_tokens(made.net, made.net.tokenizer, inputs)  # type: ignore[arg-type]
    torch.testing.assert_close(made(batch()).logits, torch.cat(alone), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(made(batch(5)).logits, torch.cat(alone), rtol=1e-4, atol=1e-5)


def test_weights_are_single_precision_whatever_the_folder_says(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    for pretrained in (True, False):
        made = network(str(folder), pretrained=pretrained)
        assert {parameter.dtype for parameter in made.parameters()} == {torch.float32}


def test_code_beside_a_model_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = classifier(tmp_path / "model")
    (folder / "evil.py").write_text("raise SystemExit('ran')\nclass Config: ...\nclass Net: ...\n")
    config = json.loads((folder / "config.json").read_text())
    foreign = {"AutoConfig": "evil.Config", "AutoModelForSequenceClassification": "evil.Net"}
    config = {**config, "model_type": "evil", "auto_map": foreign}
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with pytest.raises(ValueError, match="there is no model"):
        network(str(folder))


def test_a_file_of_weights_chooses_no_kernels() -> None:
    from transformers import BertConfig

    small = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 90}
    config = BertConfig(**small).to_dict()
    for key in ("attn_implementation", "_attn_implementation"):
        config[key] = "somebody/kernels"
    made = restore(config, 2, "bert")
    assert made.config._attn_implementation in ("sdpa", "eager")  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["bart", "t5"])
def test_encoder_decoders_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"{kind} is a {kind}: only encoders and decoders"):
        network(kind, pretrained=False)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "llama"])
def test_head_of_embedding_is_logits(kind: str, tmp_path: Path) -> None:
    made = network(str(classifier(tmp_path / "model", kind, **KINDS[kind])))
    made.keep(["embedding"])
    outputs = made(batch())
    head = made.net.get_submodule(str(made.head))
    torch.testing.assert_close(head(outputs.embedding), outputs.logits)


def test_layers_are_kept_evenly_from_the_last(bert: str) -> None:
    whole, half = network(bert).net, network(bert, layers=2).net
    layers = half.bert.encoder.layer  # type: ignore[union-attr]
    assert len(layers) == 2
    for mine, theirs in ((0, 1), (1, 3)):
        for a, b in zip(
            layers[mine].parameters(),
            whole.bert.encoder.layer[theirs].parameters(),  # type: ignore[union-attr]
            strict=True,
        ):
            assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("kind", "pretrained"),
    [("qwen2", True), ("qwen2", False), ("longformer", True), ("modernbert", False)],
)
def test_what_is_said_of_each_layer_goes_with_it(
    kind: str, pretrained: bool, tmp_path: Path
) -> None:
    settings = {"qwen2": {"num_key_value_heads": 1}, "longformer": {"attention_window": 4}}
    folder = classifier(tmp_path / "model", kind, **settings.get(kind, KINDS.get(kind, {})))
    made = network(str(folder), pretrained=pretrained, layers=2)
    facts = {"classes": ["a", "b"], "shape": SHAPE}
    save(tmp_path / "s.safetensors", made, "short", {"_target_": TARGET}, **facts)
    again = rebuild(tmp_path / "s.safetensors").eval()
    assert torch.equal(again(batch()).logits, made(batch()).logits)


def test_layers_that_are_not_alike_cannot_be_left_out(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "model", "modernbert", **KINDS["modernbert"])
    with pytest.raises(ValueError, match="layers are not alike"):
        network(str(folder), layers=2)


def test_shape_without_weights_is_drawn_by_the_seed(bert: str) -> None:
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(network(bert, pretrained=False, layers=1, hidden_size=8))
    a, b = (net(batch()).logits for net in made)
    assert torch.equal(a, b)
    assert made[0].net.config.hidden_size == 8  # type: ignore[union-attr]
    assert len(made[0].stages) == 1


def test_a_type_has_a_shape_of_its_own() -> None:
    small = {"dim": 16, "n_heads": 2, "hidden_dim": 32, "vocab_size": 90}
    assert network("distilbert", pretrained=False, layers=2, **small)(batch()).logits.shape[1] == 2


def test_other_classes_get_a_new_classifier_alone(
    bert: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole = network(bert)
    with caplog.at_level("INFO"):
        made = network(bert, num_classes=5)
    assert "new are classifier.bias, classifier.weight" in caplog.text
    assert made(batch()).logits.shape == (3, 5)
    for name, value in made.net.bert.state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(value, whole.net.bert.state_dict()[name])  # type: ignore[union-attr]


def named(folder: Path, *classes: str) -> str:
    """A classifier fine-tuned elsewhere, which has names for its classes."""
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {str(place): name for place, name in enumerate(classes)}
    config["label2id"] = {name: place for place, name in enumerate(classes)}
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def test_classes_of_other_order_are_put_into_that_of_the_data(tmp_path: Path) -> None:
    path = named(classifier(tmp_path / "model", labels=3), "Neutral", "POSITIVE", "negative")
    plain = network(path, 3)(batch()).logits
    given = {"_target_": TARGET, "name": path}
    classes = ["negative", "neutral", "positive"]
    made = build(given, num_classes=3, shape=SHAPE, classes=classes).eval()
    assert torch.equal(made(batch()).logits, plain[:, [2, 0, 1]])
    assert made.net.config.id2label == dict(enumerate(classes))  # type: ignore[union-attr]


def test_classes_of_other_names_are_taken_in_their_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = named(classifier(tmp_path / "model"), "bad", "good")
    plain = network(path)(batch()).logits
    given = {"_target_": TARGET, "name": path}
    made = build(given, num_classes=2, shape=SHAPE, classes=["0", "1"]).eval()
    assert torch.equal(made(batch()).logits, plain)
    assert "classes bad, good are taken for 0, 1, in this order" in caplog.text


def test_what_is_saved_is_whole_without_the_folder(tmp_path: Path) -> None:
    folder = classifier(tmp_path / "model")
    student = network(str(folder), layers=2)
    facts = {"classes": ["a", "b"], "shape": SHAPE}
    save(tmp_path / "student.safetensors", student, "bert", {"_target_": TARGET}, **facts)
    shutil.rmtree(folder)
    again = rebuild(tmp_path / "student.safetensors").eval()
    assert torch.equal(again(batch()).logits, student(batch()).logits)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"layers": 9}, "layers=9: .* has 4"),
        ({"hiden_size": 8}, "no setting 'hiden_size'; did you mean 'hidden_size'"),
        ({"hidden_size": 8}, "weights do not fit the settings: .* pretrained=false"),
    ],
)
def test_what_does_not_fit_is_told(bert: str, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        network(bert, **arguments)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "bert_large").mkdir()
    with pytest.raises(ValueError, match=r"model\.name=.*bart_large: there .* mean 'bert_large'"):
        network(str(tmp_path / "bart_large"))
    folder = classifier(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="no weights"):
        network(str(folder))
    tokenizer(tmp_path / "words")
    with pytest.raises(ValueError, match="there is no model"):
        create(str(tmp_path / "words"), 2)
