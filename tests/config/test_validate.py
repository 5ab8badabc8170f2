"""What was typed is held against the configs there are, and all faults are told together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from omegaconf import DictConfig

from kdrun.config import register
from kdrun.config.validate import LONGEST, ConfigError, overrides, parts
from kdrun.security import trust

QUICK = ("student=linear", "teacher=mlp")


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    register.register()
    yield
    register.register()


def check(*words: str, config_dir: Path | None = None) -> DictConfig:
    return overrides([*QUICK, *words], None if config_dir is None else str(config_dir))


def faults(*words: str, config_dir: Path | None = None) -> list[str]:
    with pytest.raises(ConfigError) as error:
        check(*words, config_dir=config_dir)
    assert str(error.value) == "\n".join(error.value.faults)
    return error.value.faults


def test_what_is_right_is_the_config_and_of_a_sweep_that_of_its_last_job() -> None:
    config = check("seed=1,2", "optimizer.lr=0.5", "loss=kd,dkd", "train.epochs=range(1,4)")
    assert (config.seed, config.optimizer.lr, config.train.epochs) == (2, 0.5, 3)
    assert "kd" in config.loss.terms  # a group is composed once, by its first choice


def test_every_mistake_is_told_at_once_with_the_nearest_name() -> None:
    told = faults("loss=kdd", "optimizer.rl=1", "train.epochs=many", "sed=1", "nonsense")
    assert "loss=kdd does not exist: did you mean 'kd'?" in told
    assert any(one.startswith("optimizer.rl: there is no 'rl' here; ") for one in told)
    assert any("+optimizer.rl=... adds an argument of torch.optim.AdamW" in one for one in told)
    assert any(one.startswith("train.epochs=many: ") for one in told)
    assert "sed: there is no 'sed' here; did you mean 'seed'?" in told
    assert "'nonsense' is not an override: write KEY=VALUE" in told


def test_every_value_of_a_sweep_is_looked_at() -> None:
    long = "n" * (LONGEST + 1)
    told = faults(
        "loss=kd,att,sp", "train.epochs=1,two", f"name=a,{long}", "experiment=cifar100/kdd"
    )
    for begin in (
        "loss=att does not exist: did you mean 'at'?",
        "train.epochs=two: ",
        f"name={long[:40]}…: the name of a folder has at most {LONGEST} bytes",
        "experiment=cifar100/kdd does not exist: did you mean 'cifar100/kd",
    ):
        assert any(one.startswith(begin) for one in told), begin


def test_only_terms_go_together_in_a_list_of_transfers() -> None:
    told = faults("method=transfer", "transfer=[dann,tca]")
    assert "transfer=tca stands alone: lists are of terms, as [dann,mcc]" in told
    assert not any("dann stands alone" in one for one in told)


def test_what_is_missing_is_asked_for_before_anything_that_refers_to_it() -> None:
    told = faults("dataset=table")
    assert "dataset.path is not set: give dataset.path=VALUE" in told


def test_a_package_that_nobody_typed_is_told_before_anything_in_it_is_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = check()
    config.plugins, config.student.model._target_ = ["mine"], "mine.Net"
    monkeypatch.setattr(trust, "_typed", ["student=linear"])
    (told,) = parts(config)
    assert told.startswith("plugins: mine is named in a file, which opens nothing")
    monkeypatch.setattr(trust, "_typed", ["plugins=[mine]"])
    assert any("no module 'mine' is installed" in one for one in parts(config))


def test_a_folder_of_ones_own_is_looked_at_too(tmp_path: Path) -> None:
    for group in ("loss", "experiment"):
        (tmp_path / group).mkdir()
    (tmp_path / "loss" / "own.yaml").write_text("terms: {}\nweights: {ce: 1}\n")
    text = "# @package _global_\nmax_memory: 1TB\n"
    (tmp_path / "experiment" / "large.yaml").write_text(text)
    assert check("loss=own", config_dir=tmp_path).loss.weights == {"ce": 1}
    told = faults("loss=owm", "experiment=large", config_dir=tmp_path)
    assert "loss=owm does not exist: did you mean 'own'?" in told
    assert "max_memory=1TB: no file raises it; type it" in told
    assert "max_memory" not in " ".join(faults("max_memory=2GB", "seed=x"))
