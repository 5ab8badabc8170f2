"""`kdrun push` to a stand-in of the hub, and what others have of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from kdrun.files.checkpoint import load_weights, read_header, weights_file
from kdrun.hub import push as module
from kdrun.hub.push import Published, RefusedError, main, push
from kdrun.model import build, weights
from kdrun.model.weights import rebuild
from tests.hub.stand_in import Hub

MLP = {"_target_": "kdrun.model.mlp.MLP", "hidden": [4]}
SAFE = Published("safetensors")
REPOSITORY = "models/me/tiny"


@pytest.fixture
def run(tmp_path: Path) -> str:
    """A run's folder around a network that was never trained."""
    torch.manual_seed(0)
    network = build(MLP, num_classes=2, shape=(4,), mean=(), std=())
    folder = tmp_path / "run"
    folder.mkdir()
    facts = {"classes": ["cat", "dog"], "shape": (4,)}
    weights.save(folder / "student.safetensors", network, "tiny", MLP, **facts)  # type: ignore[arg-type]
    (folder / "secrets.txt").write_text("mine")
    return str(folder)


def test_it_lies_there_private_with_a_card_and_nothing_beside(hub: Hub, run: str) -> None:
    told = push(run, "me/tiny", SAFE._replace(license="mit"))
    files = hub.repositories[REPOSITORY]
    assert sorted(files) == ["README.md", "export.weights.safetensors", "student.safetensors"]
    assert files["student.safetensors"] == Path(run, "student.safetensors").read_bytes()
    assert files["README.md"].startswith(b"---\nlicense: mit\nlibrary_name: pytorch\n")
    assert b"classes, in this order: cat, dog" in files["README.md"]
    assert hub.private[REPOSITORY]
    assert told.endswith(f"MB) in {hub.url}/me/tiny/commit/{hub.commit(REPOSITORY)}")
    assert {token for _, path, token in hub.asked if REPOSITORY in path} == {"Bearer hf_secret"}
    assert "hf_secret" not in told


def test_others_have_it_by_its_name(hub: Hub, run: str) -> None:
    push(run, "hf://me/tiny", SAFE._replace(public=True))
    assert not hub.private[REPOSITORY]
    name = "hf://me/tiny"
    assert weights_file(name).name == "student.safetensors"
    assert read_header(name)["classes"] == ["cat", "dog"]
    mine, theirs = load_weights(run), load_weights(name)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert isinstance(rebuild(name), torch.nn.Module)
    push(run, "me/tiny", SAFE._replace(license="mit"))  # over what is there
    assert b"license: mit" in hub.repositories[REPOSITORY]["README.md"]


def test_a_dry_run_sends_nothing(hub: Hub, run: str) -> None:
    told = push(run, "me/tiny", SAFE, dry_run=True)
    assert told.startswith("README.md, export.weights.safetensors, student.safetensors (0.0")
    assert told.endswith(f"would go to {hub.url}/me/tiny: nothing was sent")
    assert hub.asked == []


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "../tiny", "me/", "hf://me"])
def test_what_is_no_repository_is_refused(name: str, run: str) -> None:
    with pytest.raises(ValueError, match="is no name of a repository: OWNER/NAME"):
        push(run, name, SAFE)


def test_what_the_hub_refuses_ends_with_1(
    hub: Hub, run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.refuses = True
    with pytest.raises(RefusedError, match=r"/me/tiny did not take it: "):
        push(run, "me/tiny", SAFE)
    assert main([run, "me/tiny", "--format", "safetensors"]) == 1
    said = capsys.readouterr().err
    assert "/me/tiny did not take it: " in said
    assert "hf_secret" not in said
    assert hub.repositories == {}


def test_the_command(hub: Hub, run: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([run, "me/tiny", "--format", "safetensors", "--license", "mit", "--dry-run"]) == 0
    assert "nothing was sent" in capsys.readouterr().out
    assert main([f"{run}gone", "me/tiny"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_folder_of_transformers_lies_at_the_top(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(run: str, format: str, out: str, *_: object, **__: object) -> None:
        Path(out).mkdir()
        Path(out, "config.json").write_text(json.dumps({}))
        Path(out, "README.md").write_text("---\nlibrary_name: transformers\n---\n")

    monkeypatch.setattr("kdrun.export.export", export)
    folder = tmp_path / "out"
    folder.mkdir()
    files = module.write(run, folder, Published("hugging_face", license="mit"), ())
    names = [str(file.relative_to(folder)) for file in files]
    assert names == ["README.md", "config.json", "student.safetensors"]
    assert "license: mit" in (folder / "README.md").read_text()
