"""The typed part of the config, the roles of models, the settings of a run. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from omegaconf import Container, DictConfig, OmegaConf

RUNTIME = (
    "hydra",
    "name",
    "cache",
    "cache_limit",
    "rerun",
    "dry_run",
    "estimate",
    "logger",
    "fail_fast",
    "plugins",
    "max_memory",
    "job",
    "train.device",
    "train.devices",
    "train.nodes",
    "train.node",
    "train.endpoint",
    "train.progress",
    "train.step",
    "train.keep_checkpoint",
    "dataset.workers",
    "dataset.download",
)
"""Keys that say where and how a run is executed, not what it is: its identity leaves them out."""


DATASET_OWN = ("name", "augment", "views", "view_seed", "workers", "reads")
"""Keys of a dataset's section that are no arguments of its `_target_`. `reads` says which files and
folders below `root` count, where not all are of the dataset."""

KEPT = ("cache", "cache_format")
"""Keys of a teacher's role that say how its answers are kept: `kdrun.teacher.keeping`."""

OPTIONS = ("weights", "head", "classes", "mean", "std", "unit", "stem")
"""Keys of a network's role that say what its checkpoint does not: `kdrun.model.known`."""


class Precision(Enum):
    """Number format of the networks; losses are always float32."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class Steps(Enum):
    """How a training step is carried out; the bits are the same."""

    auto = "auto"
    eager = "eager"
    captured = "captured"


class Sampler(Enum):
    """In which order an epoch has the training samples."""

    shuffle = "shuffle"
    balanced = "balanced"


class Rerun(Enum):
    """Which runs that have already ended are run again.

    `all` leaves the teachers that are cached for all experiments; `teachers` is all and these too.
    """

    failed = "failed"
    all = "all"
    none = "none"
    teachers = "teachers"


@dataclass
class Train:
    """Settings of the training loop; configs/train/default.yaml explains each."""

    epochs: int = 1
    batch_size: int = 64
    accumulate: int = 1
    warmup_epochs: int = 0
    label_smoothing: float = 0.0
    class_weights: Any = "none"
    sampler: Sampler = Sampler.shuffle
    grad_clip: float | None = None
    ema: float = 0.0
    early_stop: int | None = None
    precision: Precision = Precision.auto
    channels_last: bool = True
    step: Steps = Steps.auto
    compile: bool = False
    device: str = "auto"
    devices: int = 1
    nodes: int = 1
    node: int | None = None
    endpoint: str | None = None
    keep_checkpoint: bool = False
    progress: bool = True


CE = "kdrun.loss.ce.CE"
"""The labels' term where no loss has another, whose settings are those of training."""

LABELS = {"_target_": CE, "label_smoothing": "${train.label_smoothing}"}
"""Every method can read the labels; a loss gives this term its weight."""

SINCE = {"class_weights": "none", "sampler": "shuffle"}
"""Settings of training that came later, and what they are where nobody typed them: a run that
leaves them there is what it was."""


@dataclass
class CV:
    """Cross-validation; configs/config.yaml explains it."""

    folds: int | None = None
    fold: int | None = None


@dataclass
class Job:
    """What a sweep tells its jobs; configs/config.yaml explains it."""

    identity: str | None = None
    command: str | None = None
    shared: bool = False


@dataclass
class Config:
    """The root of every run's config."""

    dataset: Any = None
    task: Any = None
    teacher: Any = None
    student: Any = None
    method: Any = None
    transfer: Any = None
    source_model: Any = None
    loss: Any = field(default_factory=lambda: {"terms": {"ce": dict(LABELS)}})
    optimizer: Any = None
    scheduler: Any = None
    train: Train = field(default_factory=Train)
    cv: CV = field(default_factory=CV)
    logger: Any = None
    name: str = "default"
    seed: int = 0
    rerun: Rerun = Rerun.failed
    dry_run: bool = False
    estimate: bool = True
    fail_fast: bool = False
    plugins: list[str] = field(default_factory=list)
    max_memory: str | None = None
    cache: str = "outputs/cache"
    cache_limit: str = "20GB"
    job: Job = field(default_factory=Job)


def folder() -> Path:
    """Where kdrun's yaml files lie: in the wheel, or beside the package in a checkout."""
    here = Path(__file__).parents[1]
    installed = here / "configs"
    return installed if installed.is_dir() else here.parent / "configs"


def identity(config: DictConfig) -> dict[str, Any]:
    """The resolved config of a run without what its method does not read, and without `RUNTIME`.

    `kdrun.config.identity` adds to them what lies where they point.
    """
    what = {str(key): _plain(config[key]) for key in config if key != "hydra"}
    uses = set(what["method"]["uses"])
    if (what.get("transfer") or {}).get("name") is None:
        uses.discard("transfer")
    # Every method reads the labels' term, which is nearly always the usual one.
    ce = ((what.get("loss") or {}).get("terms") or {}).get("ce")
    for group in ("teacher", "transfer", "loss"):
        if group not in uses:
            what.pop(group, None)
    usual = {key: what["train"].get(key, CE) for key in LABELS}
    for key, value in SINCE.items():
        if what["train"].get(key) == value:
            del what["train"][key]
    if "loss" not in uses and ce not in (None, usual):
        what["loss"] = {"terms": {"ce": ce}}
    if "transfer" not in uses:
        what.pop("source_model", None)
    if what["cv"]["folds"] is None:
        what.pop("cv")
    if what.get("task") is None:  # the dataset says
        what.pop("task", None)
    for key in RUNTIME:
        *parents, last = key.split(".")
        place = what
        for parent in parents:
            place = place.get(parent) or {}
        place.pop(last, None)
    return _as_before(what)


def _plain(value: Any) -> Any:
    """A node of a config, resolved, as plain containers."""
    if isinstance(value, Container):
        return OmegaConf.to_container(value, resolve=True, enum_to_str=True)
    return value.name if isinstance(value, Enum) else value


AUGMENT_SINCE = {
    **dict.fromkeys(("resized_crop", "brightness", "contrast", "saturation", "hue"), 0),
    **dict.fromkeys(("erase", "cutmix"), 0),
    **{"crop_ratio": 4 / 3, "policy": "none", "policy_ops": 2, "policy_level": 9},
}
"""Likewise of `dataset.augment`."""

LABELLED_SINCE = ("kdrun.dataset.npz.npz", "kdrun.dataset.image_folder.image_folder")
"""Datasets whose labels could not be hidden before: with all of them a run is what it was."""


def _as_before(what: dict[str, Any]) -> dict[str, Any]:
    """Settings without those that change nothing as they are: views as ever, answers kept whole."""
    dataset = what["dataset"]
    if dataset.get("_target_") in LABELLED_SINCE and dataset.get("labels") == "all":
        del dataset["labels"]
    augment = dataset.get("augment") or {}
    for key, value in AUGMENT_SINCE.items():
        if augment.get(key) == value:
            del augment[key]
    for key in ("views", "view_seed"):
        if what["dataset"].get(key, 0) is None:
            del what["dataset"][key]
    waiting = [what.get("teacher"), what["method"].get("assistant")]
    while waiting:
        role = waiting.pop()
        if not isinstance(role, dict):
            continue
        role.pop("cache", None)
        if role.get("cache_format") in WHOLE:
            del role["cache_format"]
        waiting += [role.get("teacher"), *(role.get("members") or {}).values()]
    return what


WHOLE = ("float32",)
"""Formats of kept answers that lose nothing."""


def names(what: dict[str, Any]) -> dict[str, Any]:
    """The columns of results.csv that say what a run is, from its identity; None where unread."""
    dataset, teacher = what["dataset"], what.get("teacher")
    named = (what.get("loss") or {}).get("terms", {})
    terms = [term for term in named if term != "ce"]
    if (label := str(named.get("ce", {}).get("_target_", CE))) != CE:
        terms.append(label.rpartition(".")[2].lower())
    transfer = what.get("transfer") or {}
    return {
        "method": what["method"]["name"],
        "dataset": dataset["name"],
        "source": dataset.get("source"),
        "target": dataset.get("target"),
        "teacher": _label(teacher) if teacher else None,
        "student": _label(what["student"]),
        "transfer": "+".join(transfer.get("terms") or ()) or transfer.get("name"),
        "loss": "+".join(terms) or ("ce" if "loss" in what else None),
        "seed": what["seed"],
        "fold": what.get("cv", {}).get("fold"),
        "epochs": what["train"]["epochs"],
    }


def _label(role: dict[str, Any]) -> str:
    """What a role's model is called; of a folder, or of a name on a hub, its last part."""
    return str((role.get("model") or {}).get("name") or role["name"]).rstrip("/").split("/")[-1]
