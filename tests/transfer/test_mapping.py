"""What holds for every feature mapping."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from kdrun.config.instantiate import call, faults
from kdrun.dataset.loader import make_loader
from kdrun.transfer import Source
from kdrun.transfer.coral import Coral
from kdrun.transfer.mapping import Mapping, principal_axes
from kdrun.transfer.optimal_transport import OptimalTransport
from kdrun.transfer.pca_mapping import PCAMapping
from kdrun.transfer.source_only import SourceOnly
from kdrun.transfer.subspace_alignment import SubspaceAlignment
from kdrun.transfer.tca import TCA
from kdrun.types import Arrays
from tests.transfer.trial import Halves, as_source, load, logistic, logits, no_model, student

ROOT = Path(__file__).parents[2]
NAMES = (
    *("source_only", "pca_mapping", "subspace_alignment"),
    *("coral", "tca", "optimal_transport"),
)
RANDOM = np.random.default_rng(0)
# As the features of a network are; mappings compute in float64.
ROWS = (RANDOM.standard_normal((60, 8)) @ RANDOM.standard_normal((8, 8))).astype(np.float32)
LABELS = (ROWS[:, 0] > 0).astype(int) + (ROWS[:, 1] > 0)
SHIFTED = ROWS[::-1] * np.float32(1.5) + np.float32(0.3)


def config(name: str) -> dict[str, Any]:
    plain = OmegaConf.to_container(OmegaConf.load(ROOT / "configs" / "transfer" / f"{name}.yaml"))
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items() if key not in ("name", "defaults")}


def strategies(n_components: int) -> list[Mapping]:
    own = {"classifier": logistic(), "n_components": n_components}
    return [
        PCAMapping(**own),
        PCAMapping(**own, basis="source"),
        PCAMapping(**own, basis="aligned"),
        SubspaceAlignment(**own),
        Coral(**own),
        Coral(classifier=logistic()),
        TCA(**own),
        SourceOnly(classifier=logistic()),
    ]


def label(strategy: Mapping) -> str:
    return f"{type(strategy).__name__} {getattr(strategy, 'basis', '')}"


@pytest.mark.parametrize("name", NAMES)
def test_a_yaml_calls_the_class_in_the_module_of_its_name(name: str) -> None:
    options = config(name)
    assert options["_target_"].startswith(f"kdrun.transfer.{name}.")
    assert faults(options, "transfer", "transfer", facts=("cache",)) == []
    strategy = call(options, "transfer", cache=None)
    for key, value in options.items():
        if key not in ("_target_", "classifier"):
            assert type(strategy).__dataclass_fields__[key].default == value, key


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_without_a_shift_every_mapping_is_within_two_points_of_the_shared_basis(seed: int) -> None:
    data = Halves(seed)
    shared = data.accuracy(PCAMapping(classifier=logistic()))
    assert shared > 0.92
    for strategy in strategies(30):
        assert data.accuracy(strategy) > shared - 0.02, label(strategy)
    rbf = student(64, kind="rbf.RBF", landmarks=1000)
    assert data.accuracy(TCA(classifier=logistic(), kernel="rbf"), rbf) > shared - 0.02


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_separate_bases_are_far_below_even_without_a_shift(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    data = Halves(seed)
    with caplog.at_level(logging.WARNING):
        separate = data.accuracy(PCAMapping(classifier=logistic(), basis="separate"))
    assert separate < 0.7
    assert "for demonstration only" in caplog.text


@pytest.mark.parametrize("strategy", strategies(4), ids=label)
@pytest.mark.parametrize("scaler", ["source", "per_domain", "union", "none"])
def test_the_network_computes_what_the_mapping_and_the_classifier_would(
    strategy: Mapping, scaler: Any
) -> None:
    strategy.scaler = scaler
    network = strategy(student(8, 3), as_source(ROWS, LABELS, 3), load(SHIFTED))
    ours = ROWS if scaler == "source" else SHIFTED
    if scaler == "union":
        ours = np.concatenate([ROWS, SHIFTED])
    whose = {"source": ROWS, "per_domain": ROWS, "union": ours, "none": None}[scaler]
    seen = {"source": ROWS, "per_domain": SHIFTED, "union": ours, "none": None}[scaler]

    def scaled(rows: Any, by: Any) -> Any:
        rows = rows.astype(np.float64)
        return rows if by is None else StandardScaler().fit(by.astype(np.float64)).transform(rows)

    source, target = scaled(ROWS, whose), scaled(SHIFTED, seen)
    mapped, space = strategy.align(source, LABELS, target)
    fitted = logistic().fit(mapped, LABELS)
    expected = fitted.decision_function(space(target))  # type: ignore[operator]
    found = logits(network, SHIFTED).numpy()
    assert np.allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize("strategy", strategies(4), ids=label)
def test_target_labels_are_not_looked_at(strategy: Mapping) -> None:
    known, flipped, hidden = (
        strategy(student(8, 3), as_source(ROWS, LABELS, 3), load(SHIFTED, labels))
        for labels in (LABELS, 2 - LABELS, None)
    )
    assert torch.equal(logits(known, SHIFTED), logits(flipped, SHIFTED))
    assert torch.equal(logits(known, SHIFTED), logits(hidden, SHIFTED))


@pytest.mark.parametrize("strategy", strategies(8), ids=label)
def test_sign_and_rotation_of_the_features_change_nothing(strategy: Mapping) -> None:
    """But for the last of float64's digits: the rest is nobody's choice of linear algebra."""
    if isinstance(strategy, (PCAMapping, SubspaceAlignment)):
        strategy.n_components = 8  # fewer are another subspace when scales differ
    strategy.scaler = "none"
    strategy.classifier = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    turn = np.linalg.qr(RANDOM.standard_normal((8, 8)))[0]
    source, target = ROWS.astype(np.float64), SHIFTED.astype(np.float64)
    turned = strategy(*exact(source @ turn, target @ turn))
    first = strategy(*exact(source, target)).net(torch.from_numpy(target))
    second = turned.net(torch.from_numpy(target @ turn))
    assert torch.allclose(first, second, rtol=0, atol=1e-8)


def exact(source: Any, target: Any) -> tuple[Any, Source, Any]:
    """A student in float64, and both domains likewise."""
    loaders = [
        make_loader(Arrays(torch.from_numpy(rows), labels), 64, seed=0, train=False)
        for rows, labels in ((source, torch.from_numpy(LABELS)), (target, torch.full((60,), -1)))
    ]
    names = ["0", "1", "2"]
    return student(8, 3).double(), Source(loaders[0], names, names, no_model), loaders[1]


def test_two_classes_are_two_logits_with_the_same_probabilities() -> None:
    two = (LABELS > 0).astype(int)
    network = SourceOnly(classifier=logistic())(student(8, 2), as_source(ROWS, two, 2), load(ROWS))
    rows = StandardScaler().fit_transform(ROWS.astype(np.float64))
    expected = logistic().fit(rows, two).predict_proba(rows)
    assert np.allclose(logits(network, ROWS).softmax(1), expected, atol=1e-5)


def test_classes_are_matched_by_name_and_strangers_are_never_predicted() -> None:
    names = ["cat", "dog", "eel"], ["dog", "ant", "cat"]
    source = Source(load(ROWS, LABELS), *names, model=no_model)
    assert source.to_target.tolist() == [2, 0, -1]
    network = SourceOnly(classifier=logistic())(student(8, 3), source, load(SHIFTED))
    found = logits(network, ROWS).argmax(1).numpy()
    assert set(found) == {0, 2}
    shared = LABELS < 2
    assert ((found == 2) == (LABELS == 0))[shared].mean() > 0.8


def test_other_linear_classifiers_will_do() -> None:
    network = SourceOnly(classifier=RidgeClassifier())(
        student(8, 3), as_source(ROWS, LABELS, 3), load(ROWS)
    )
    expected = RidgeClassifier().fit(StandardScaler().fit_transform(ROWS), LABELS)
    found = logits(network, ROWS).argmax(1).numpy()
    assert np.array_equal(found, expected.predict(StandardScaler().fit_transform(ROWS)))


def test_within_one_domain_it_is_a_pipeline_of_scikit_learn() -> None:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    data = Halves(0)
    fitted = make_pipeline(StandardScaler(), PCA(20, random_state=0), logistic())
    fitted.fit(data.source.astype(np.float64), data.source_labels)
    network = PCAMapping(classifier=logistic(), n_components=20, basis="source")(
        student(64), None, load(data.source, data.source_labels)
    )
    found = logits(network, data.target).numpy()
    target = data.target.astype(np.float64)
    assert np.allclose(found, fitted.decision_function(target), atol=2e-3)
    assert np.array_equal(found.argmax(1), fitted.predict(target))


def test_features_of_a_backbone_are_mapped_and_the_backbone_is_kept() -> None:
    network = student(8, 3, "mlp.MLP", hidden=[16])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    PCAMapping(classifier=logistic(), n_components=8)(
        network, as_source(ROWS, LABELS, 3), load(SHIFTED)
    )
    changed = {k for k, value in network.state_dict().items() if not torch.equal(value, before[k])}
    assert changed == {"net.head.weight", "net.head.bias"}
    assert float((logits(network, ROWS).argmax(1).numpy() == LABELS).mean()) > 0.7


def test_a_classifier_that_has_not_converged_says_so(caplog: pytest.LogCaptureFixture) -> None:
    SourceOnly(classifier=LogisticRegression(max_iter=1))(
        student(8, 3), as_source(ROWS, LABELS, 3), load(ROWS)
    )
    assert "has not converged" in caplog.text


@pytest.mark.parametrize(
    ("strategy", "changed", "told"),
    [
        (SourceOnly(classifier=logistic(), scaler="target"), {}, r"scaler=target is not defined"),  # type: ignore[arg-type]
        (SourceOnly(classifier=KNeighborsClassifier()), {}, "KNeighborsClassifier is not linear"),
        (PCAMapping(classifier=logistic(), n_components=9), {}, "of the features of both.*1 to 8"),
        (PCAMapping(classifier=logistic(), n_components=0), {}, "n_components=0"),
        (PCAMapping(classifier=logistic(), basis="both"), {}, "basis=both is not defined"),  # type: ignore[arg-type]
        (TCA(classifier=logistic(), kernel="poly"), {}, "kernel=poly is not defined"),  # type: ignore[arg-type]
        (TCA(classifier=logistic(), n_components=120), {}, "give 1 to 119"),
        (TCA(classifier=logistic(), n_components=9), {}, "rank of the kernel: give 1 to 8"),
        (TCA(classifier=logistic(), mu=0.0), {}, "mu=0.0"),
        (
            TCA(classifier=logistic(), n_components=4, kernel="rbf"),
            {},
            "student.model.landmarks=120",
        ),
        (Coral(classifier=logistic(), regularisation=0.0), {}, "regularisation=0.0"),
        (OptimalTransport(classifier=logistic(), plan="best"), {}, "plan=best is not defined"),  # type: ignore[arg-type]
        (SourceOnly(classifier=logistic()), {"labels": 0 * LABELS}, "of one class"),
        (
            SourceOnly(classifier=logistic()),
            {"rows": ROWS * np.nan},
            "feature 0 of sample 0 is",
        ),
    ],
)
def test_mistakes_are_told(strategy: Mapping, changed: dict[str, Any], told: str) -> None:
    source = as_source(changed.get("rows", ROWS), changed.get("labels", LABELS), 3)
    with pytest.raises(ValueError, match=told):
        strategy(student(8, 3), source, load(SHIFTED))


def test_no_shared_class_and_no_label_at_all_are_told() -> None:
    names = ["a", "b", "c"], ["d", "e", "f"]
    source = Source(load(ROWS, LABELS), *names, model=no_model)
    with pytest.raises(ValueError, match="share no class"):
        SourceOnly(classifier=logistic())(student(8, 3), source, load(SHIFTED))
    with pytest.raises(ValueError, match="no training label is known"):
        SourceOnly(classifier=logistic())(student(8, 3), None, load(SHIFTED))


def test_a_direction_in_which_nothing_varies_counts_for_no_rank() -> None:
    flat = np.concatenate([ROWS, ROWS[:, :3]], axis=1)
    with pytest.raises(ValueError, match="60 samples of 11 features: give 1 to 8"):
        principal_axes(flat, 9, "source's features")


def test_a_network_without_a_linear_head_is_refused() -> None:
    network = student(8, 3)
    network.head = None
    with pytest.raises(ValueError, match="does not end in a linear layer"):
        SourceOnly(classifier=logistic())(network, as_source(ROWS, LABELS, 3), load(SHIFTED))


def test_features_that_hardly_vary_in_the_source_are_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    faint = ROWS.copy()
    faint[:, 3] *= 1e-3
    SourceOnly(classifier=logistic())(student(8, 3), as_source(faint, LABELS, 3), load(ROWS))
    assert "1 of 8 features vary over 10 times more in the target" in caplog.text
    caplog.clear()
    for scaler, source in (("none", faint), ("per_domain", faint), ("source", ROWS)):
        strategy = SourceOnly(classifier=logistic(), scaler=scaler)  # type: ignore[arg-type]
        strategy(student(8, 3), as_source(source, LABELS, 3), load(ROWS))
    assert "features vary" not in caplog.text
