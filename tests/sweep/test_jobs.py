"""The jobs of a sweep: composed as Hydra would, called by what differs, known when done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra.conf import HydraConf
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import setup_globals
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from kdrun.config.identity import Identity
from kdrun.config.register import register
from kdrun.config.schema import Rerun, folder
from kdrun.files.fingerprint import fingerprint
from kdrun.results.record import save_record
from kdrun.sweep.jobs import (
    LAUNCHER,
    Composer,
    Job,
    Known,
    command_of,
    retyped,
    settle,
    telling_apart,
    to_console,
)
from tests.fabricated import record

WHO = Identity({}, {}, {}, "a" * 64)


@pytest.mark.parametrize(
    "words",
    [
        ("seed=3",),
        ("teacher=vgg8", "optimizer.lr=0.3", "loss.weights={ce: 1.0, kd: 2}"),
        ("loss=[kd,at]", "loss.weights.at=5", "name='a b'"),
        ("+loss.terms.kd.extra=1", "~loss.weights.kd", "dataset.augment=null"),
        ("student=mlp", "student.model.hidden=[3,4]", "train.precision=bf16"),
    ],
)
def test_jobs_are_composed_as_hydra_would(words: tuple[str, ...]) -> None:
    register()
    with initialize_config_dir(version_base="1.3", config_dir=str(folder())):
        hydra = GlobalHydra.instance().hydra
        master = hydra.compose_config("config", ["teacher=resnet8,vgg8"], RunMode.MULTIRUN)
        compose = Composer(hydra.config_loader, master)
        for all_words in (words, ("teacher=resnet8", *words)):
            expected = hydra.config_loader.load_sweep_config(master, list(all_words))
            for _ in range(2):
                composed = compose(all_words)
                assert composed == expected


def test_a_job_is_known_by_what_the_others_have_not() -> None:
    assert telling_apart([["a=1", "b=2"], ["a=1", "b=3"]]) == ["b=2", "b=3"]
    assert telling_apart([["a=1", "b=2"]]) == ["a=1 b=2"]  # alone it has nobody to differ from
    assert telling_apart([["a=1"], ["a=1"]]) == ["", ""]


def test_its_words_hold_it_to_be_what_it_is_and_say_who_asks() -> None:
    job = Job(("seed=1",), Path("x"), "seed=1", what=WHO, shared=True)
    told = ["job.command=c1", f"job.identity='{WHO.digest}'", "job.shared=true"]
    assert job.words("c1") == ["seed=1", *told]
    done = Job(("seed=1",), Path("x"), "seed=1")
    assert done.words("c1") == ["seed=1", "job.command=c1"]
    assert done.ended(Rerun.all)  # its folder was known to be done without composing


def test_all_jobs_of_a_command_have_its_name() -> None:
    master = OmegaConf.create({"job": {"command": None}})
    name = command_of(master)
    assert command_of(master) == name
    assert name[0] == "c"  # twelve digits alone Hydra would read as a number
    assert command_of(OmegaConf.create({"job": {"command": "mine"}})) == "mine"


def test_a_job_lies_where_hydra_will_put_it_and_keeps_its_own_config(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kdrun.sweep.jobs.identify", lambda config: WHO)
    setup_globals()

    def composed(rate: str) -> DictConfig:
        config = OmegaConf.create({"hydra": HydraConf(), "seed": 3, "rate": rate})
        config.hydra.sweep.dir, config.hydra.job.name = "out", "j"
        config.hydra.sweep.subdir = "${hydra:job.name}_${seed}"
        return config

    before = HydraConfig.instance().cfg
    job = settle(["seed=3"], "", composed("${seed}"))
    assert HydraConfig.instance().cfg is before
    assert (job.run_dir, job.label, job.overrides) == (Path("out/j_3"), "j_3", ("seed=3",))
    assert job.config == {"seed": 3, "rate": 3}
    assert job.what is WHO
    with pytest.raises(OmegaConfBaseException, match="sed"):
        settle([], "", composed("${sed}"))
    assert HydraConfig.instance().cfg is before


def master(configs: Path, *typed: str) -> DictConfig:
    sources = [
        {"provider": "main", "schema": "file", "path": str(configs)},
        {"provider": "command-line", "schema": "other", "path": "my conf"},
    ]
    runtime = {"config_sources": sources, "version": "1.3"}
    return OmegaConf.create({"hydra": {"overrides": {"hydra": [*typed]}, "runtime": runtime}})


def test_what_was_typed_for_all_is_typed_again_but_for_how_it_is_executed(tmp_path: Path) -> None:
    words = (
        "hydra.mode=MULTIRUN",
        "hydra/launcher=local",
        "hydra.launcher.n_jobs=2",
        "hydra.x=${y}",
    )
    config = master(tmp_path, *words)
    assert retyped(config) == ["--config-dir", "my conf", *words[1:]]
    assert retyped(config, *LAUNCHER) == ["--config-dir", "my conf", "hydra.x=${y}"]


def test_output_goes_to_one_place_where_a_logger_has_several() -> None:
    handlers = {"hydra": {"job_logging": {"root": {"handlers": ["console", "file"]}}}}
    assert to_console(OmegaConf.create(handlers)) == ["hydra.job_logging.root.handlers=[console]"]
    assert to_console(OmegaConf.create({"hydra": {"job_logging": None}})) == []


@pytest.fixture
def done(tmp_path: Path) -> Job:
    """A job whose run has read a file, and ended well."""
    (tmp_path / "data.csv").write_text("1")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.yaml").write_text("lr: ${oc.env:KDRUN_RATE,0.1}")
    made: Any = record(1)
    place = str(tmp_path / "data.csv")
    made["files"] = {"dataset.path": {"path": place, "sha256": fingerprint(place)}}
    made["identity"] = WHO.digest
    (tmp_path / "run").mkdir()
    save_record(tmp_path / "run", made)
    return Job(("seed=1",), tmp_path / "run", "seed=1", what=WHO)


def found(folder: Path, rerun: Rerun = Rerun.failed, *words: str) -> Path | None:
    known = Known(folder, master(folder / "conf"))
    return known.done(words or ("seed=1",), rerun)


def test_a_done_job_is_found_without_composing_it(done: Job, tmp_path: Path) -> None:
    assert found(tmp_path) is None  # nothing was written down yet
    Known(tmp_path, master(tmp_path / "conf")).save([done])
    assert found(tmp_path) == done.run_dir
    assert found(tmp_path, Rerun.failed, "seed=2") is None
    assert found(tmp_path, Rerun.all) is None


@pytest.mark.parametrize("change", ["yaml", "environment", "data", "record", "memory"])
def test_whatever_it_is_made_of_may_have_changed(
    done: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    Known(tmp_path, master(tmp_path / "conf")).save([done])
    if change == "yaml":
        (tmp_path / "conf" / "b.yaml").write_text("more: 1")
    elif change == "environment":
        monkeypatch.setenv("KDRUN_RATE", "0.2")
    elif change == "data":
        (tmp_path / "data.csv").write_text("2")
    elif change == "record":
        (done.run_dir / "record.json").unlink()
    else:
        (tmp_path / ".jobs.json").write_text("[1]")
    assert found(tmp_path) is None


def test_a_job_that_interpolates_is_another_each_time(done: Job, tmp_path: Path) -> None:
    Known(tmp_path, master(tmp_path / "conf")).save(
        [Job(done.overrides, done.run_dir, "lr=${x}", what=WHO)]
    )
    assert found(tmp_path) is None
