"""Feature mappings between domains, beside the same methods of scikit-adaptation's `skada`.

Each library gets the same arrays, the same standardisation and the same classifier (logistic
regression), is fitted to labelled source and unlabelled target training samples, and is
scored on the target's test samples. What varies from seed to seed is `split_seed`. Seconds are of
fitting and predicting, on one thread.

    pip install skada    # kdrun itself does not need it; without it, its columns are empty
    python benchmarks/adaptation.py heart office m2u u2m --data data --scaler per_domain
    python benchmarks/adaptation.py m2u u2m halves --data data --scaler none --seeds 3
    python benchmarks/adaptation.py office --data data --only source PCA "TCA, linear"
    python benchmarks/adaptation.py news sentiment mnist --data data --seeds 3
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tabulate import tabulate

from kdrun.dataset.digit_domains import digit_domains
from kdrun.dataset.digits import read_digits
from kdrun.dataset.domains import Domain, combine
from kdrun.dataset.fold import divide
from kdrun.dataset.heart import heart
from kdrun.dataset.loader import make_loader
from kdrun.dataset.office_caltech import office_caltech
from kdrun.dataset.split import hold_out, select
from kdrun.dataset.text import text
from kdrun.model import build
from kdrun.transfer import Source
from kdrun.transfer.coral import Coral
from kdrun.transfer.mapping import Mapping
from kdrun.transfer.optimal_transport import OptimalTransport
from kdrun.transfer.pca_mapping import PCAMapping
from kdrun.transfer.source_only import SourceOnly
from kdrun.transfer.subspace_alignment import SubspaceAlignment
from kdrun.transfer.tca import TCA
from kdrun.types import Arrays, Dataset, Split

Rows = np.ndarray[Any, np.dtype[np.float32]]
Predict = Callable[[Dataset], Rows]
"""Fits to the training samples of a pair of domains, and predicts the target's test samples."""


class Score(NamedTuple):
    """Of one method on one pair of domains."""

    accuracy: float
    f1: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", choices=[*PAIRS, "mnist"])
    parser.add_argument("--data", default="data", help="the folder of the files")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--scaler", choices=["source", "per_domain", "none"], default="source")
    parser.add_argument("--only", nargs="+", default=[""], help="how wanted methods' names begin")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    for table in options.tables:
        if table == "mnist":
            mnist(Path(options.data))
        elif table in COMPONENTS:
            beside_skada(table, Path(options.data), options.seeds, options.scaler, options.only)
        else:
            of_texts(table, Path(options.data), options.seeds, options.only)


def classifier() -> LogisticRegression:
    return LogisticRegression(max_iter=1000)


def matrix(split: Split) -> tuple[Rows, Rows]:
    """A split as scikit-learn wants it."""
    assert isinstance(split, Arrays)
    assert isinstance(split.inputs, torch.Tensor)
    rows = split.inputs.flatten(1).float().numpy()
    if split.inputs.dtype == torch.uint8:
        rows /= 255
    return rows, split.targets.numpy()


def of_kdrun(mapping: Mapping) -> Predict:
    """What a run of kdrun does, without its files."""

    def predict(data: Dataset) -> Rows:
        model = {"_target_": "kdrun.model.linear.Linear"}
        if isinstance(mapping, TCA) and mapping.kernel == "rbf":
            model = {"_target_": "kdrun.model.rbf.RBF", "landmarks": mapping.max_samples}
        student = build(model, num_classes=len(data.classes), shape=data.shape)

        def load(split: Split) -> Any:
            return make_loader(split, 256, seed=0, train=False)

        source = None
        if data.source is not None:
            ours = load(data.source.train)
            source = Source(ours, data.source.classes, data.classes, lambda: student)
        mapped = mapping(student, source, load(data.train)).eval()
        with torch.no_grad():
            said = [mapped(batch).logits.argmax(1) for batch in load(data.test).epoch(0)]
        found: Rows = torch.cat(said).numpy()
        return found

    return predict


def of_skada(adapter: Callable[[], Any], scaler: str) -> Predict:
    """The pipeline of skada's documentation, on the same standardised rows."""

    def predict(data: Dataset) -> Rows:
        from skada import make_da_pipeline
        from skada.utils import source_target_merge

        assert data.source is not None
        ours, labels = matrix(data.source.train)
        theirs, seen = (matrix(split)[0] for split in (data.train, data.test))
        if scaler != "none":
            own = StandardScaler().fit(ours)
            other = own if scaler == "source" else StandardScaler().fit(theirs)
            ours, theirs, seen = own.transform(ours), other.transform(theirs), other.transform(seen)
        hidden = np.full(len(theirs), -1)
        rows, targets, domains = source_target_merge(ours, theirs, labels, hidden)
        steps = [step for step in (adapter(),) if step is not None]
        pipeline = make_da_pipeline(*steps, classifier())
        pipeline.fit(rows, targets, sample_domain=domains)
        found: Rows = pipeline.predict(seen, allow_source=True)
        return found

    return predict


def peers(
    components: int, scaler: Any, samples: int = 2000
) -> dict[str, tuple[Predict, Predict | None]]:
    """Each method in kdrun, and in skada if it is there."""
    own = {"classifier": classifier(), "scaler": scaler}
    reduced = {**own, "n_components": components}
    kdrun: dict[str, Mapping] = {
        "source only": SourceOnly(**own),
        "PCA, shared": PCAMapping(**reduced),
        "PCA, source": PCAMapping(**reduced, basis="source"),
        "PCA, separate": PCAMapping(**reduced, basis="separate"),
        "subspace alignment": SubspaceAlignment(**reduced),
        "CORAL": Coral(**own),
        "TCA, linear": TCA(**reduced, max_samples=samples),
        "TCA, rbf": TCA(**reduced, max_samples=samples, kernel="rbf"),
        "OT, exact": OptimalTransport(**own, plan="exact"),
        "OT, classes": OptimalTransport(**own),
    }
    theirs: dict[str, Predict] = {}
    try:
        import skada
    except ImportError:
        print("skada is not installed: its columns are empty")
    else:
        tca = skada.TransferComponentAnalysisAdapter
        adapters: dict[str, Callable[[], Any]] = {
            "source only": lambda: None,
            "PCA, shared": lambda: PCA(components, random_state=0),
            "subspace alignment": lambda: skada.SubspaceAlignmentAdapter(components),
            "CORAL": skada.CORALAdapter,
            "TCA, linear": lambda: tca(kernel="linear", n_components=components),
            "TCA, rbf": lambda: tca(n_components=components),
            "OT, exact": skada.OTMappingAdapter,
            "OT, classes": skada.ClassRegularizerOTMappingAdapter,
        }
        theirs = {name: of_skada(adapter, scaler) for name, adapter in adapters.items()}
    return {name: (of_kdrun(mapping), theirs.get(name)) for name, mapping in kdrun.items()}


def score(predict: Predict, data: Dataset) -> Score | None:
    """None where the method fails, which is then said."""
    truth = data.test.targets.numpy()
    begin = time.perf_counter()
    try:
        found = predict(data)
    except Exception as error:
        print(f"failed on {data.domain}: {type(error).__name__}: {error}"[:200])
        return None
    seconds = time.perf_counter() - begin
    return Score(
        100 * float(accuracy_score(truth, found)),
        100 * float(f1_score(truth, found, average="macro")),
        seconds,
    )


def chosen(methods: dict[str, Any], only: list[str]) -> dict[str, Any]:
    return {name: method for name, method in methods.items() if name.startswith(tuple(only))}


def both_ways(*names: str) -> list[tuple[str, str]]:
    return list(permutations(names, 2))


PAIRS = {
    "office": both_ways("amazon", "caltech10", "dslr", "webcam"),
    "heart": both_ways("cleveland", "hungarian", "switzerland", "va"),
    "m2u": [("mnist", "usps")],
    "u2m": [("usps", "mnist")],
    "halves": [("one half of the digits", "the other")],
    "news": [("news_fpb+fin_headlines", "tweets+fin_posts")],
    "sentiment": both_ways("books", "dvd", "electronics", "kitchen", "imdb", "airline", "blog"),
}
"""Source and target of each row of a benchmark."""

COMPONENTS = {"office": 30, "heart": 10, "m2u": 50, "u2m": 50, "halves": 30}
"""Of the benchmarks beside skada; those of texts have 100."""


def load(table: str, folder: Path, source: str, target: str, seed: int) -> Dataset:
    """A pair of domains, whose target has no labels to train on, cut by one seed."""
    cuts: dict[str, Any] = {"labels": "none", "val_fraction": 0, "split_seed": seed}
    if table == "office":
        return office_caltech(str(folder / "surf800.npz"), source, target, **cuts)
    if table == "heart":
        return heart(str(folder / "heart_disease"), source, target, **cuts)
    if table in ("m2u", "u2m"):
        size = {"image_size": 16, "train_size": 1000}
        return digit_domains(str(folder), source, target, **size, **cuts)
    if table == "halves":
        whole = read_digits()
        sides = [select(whole, half) for half in hold_out(whole.targets, 0.5, seed, "halves")]
        both = [
            Domain(n, *divide(s, 0.3, seed), list(map(str, range(10))))
            for n, s in zip((target, source), sides, strict=True)
        ]
        return combine(*both, **cuts)
    name = {"news": "news_to_social/sentiment3", "sentiment": "sentiment_7domains/sentiment"}[table]
    return text(str(folder / f"{name}.jsonl.gz"), source, target, max_features=3000, **cuts)


def beside_skada(table: str, folder: Path, seeds: int, scaler: str, only: list[str]) -> None:
    """Print a row for each method, means over the pairs and deviations over seeds."""
    components = COMPONENTS[table]
    methods = chosen(peers(components, scaler), only)
    found: dict[tuple[str, str, int], list[Score]] = defaultdict(list)
    by_pair: dict[tuple[str, str], list[float]] = defaultdict(list)
    for seed in range(seeds):
        for source, target in PAIRS[table]:
            pair, data = f"{source} → {target}", load(table, folder, source, target, seed)
            for method, libraries in methods.items():
                turns = list(zip(("kdrun", "skada"), libraries, strict=True))
                # Each is first as often as not: what comes second finds the data in the cache.
                for library, predict in turns[:: -1 if seed % 2 else 1]:
                    if predict and (got := score(predict, data)):
                        found[method, library, seed].append(got)
                        if library == "kdrun":
                            by_pair[method, pair].append(got.accuracy)
    rows = []
    for method in methods:
        row = [method]
        for library in ("kdrun", "skada"):
            of_seeds = [found[method, library, seed] for seed in range(seeds)]
            row += cells([scores for scores in of_seeds if scores])
        rows.append(row)
    names = ("accuracy", "macro F1", "seconds")
    count = len(PAIRS[table])
    print(f"\n{table}: {count} pairs, {seeds} seeds, {components} components, scaler={scaler}\n")
    header = ["method", *(f"{library}: {name}" for library in ("kdrun", "skada") for name in names)]
    print(tabulate(rows, header, tablefmt="github"))
    detail = [
        [pair, *(f"{statistics.mean(by_pair[method, pair]):.1f}" for method in methods)]
        for pair in dict.fromkeys(pair for _, pair in by_pair)
    ]
    print("\nkdrun's accuracy on each pair, mean over the seeds\n")
    print(tabulate(detail, ["pair", *methods], tablefmt="github", disable_numparse=True))


def cells(by_seed: list[list[Score]]) -> list[str]:
    """Accuracy and F1 as mean ± deviation over seeds of the mean over pairs; seconds of a pair."""
    if not by_seed:
        return ["", "", ""]
    told = []
    for name in ("accuracy", "f1"):
        means = [statistics.mean(getattr(one, name) for one in scores) for scores in by_seed]
        spread = statistics.stdev(means) if len(means) > 1 else 0.0
        told.append(f"{statistics.mean(means):.1f} ± {spread:.1f}")
    return [*told, f"{statistics.median(s.seconds for scores in by_seed for s in scores):.3f}"]


def of_texts(table: str, folder: Path, seeds: int, only: list[str]) -> None:
    """Print a row for each of kdrun's mappings on TF-IDF."""
    methods: dict[str, Mapping] = {}
    for scaler in ("none", "source", "per_domain"):
        own: dict[str, Any] = {"classifier": classifier(), "scaler": scaler}
        methods |= {
            f"source only, scaler={scaler}": SourceOnly(**own),
            f"PCA, shared, scaler={scaler}": PCAMapping(**own, n_components=100),
            f"CORAL, scaler={scaler}": Coral(**own, n_components=100),
        }
    methods = chosen(methods, only)
    found: dict[tuple[str, int], list[Score]] = defaultdict(list)
    by_pair: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    majority: dict[int, list[Score]] = defaultdict(list)
    for seed in range(seeds):
        for source, target in PAIRS[table]:
            data = load(table, folder, source, target, seed)
            assert data.source is not None
            most = np.bincount(data.source.train.targets).argmax()
            always = score(lambda data, most=most: np.full(len(data.test), most), data)
            majority[seed].append(always or Score(0, 0, 0))
            for method, mapping in methods.items():
                if got := score(of_kdrun(mapping), data):
                    found[method, seed].append(got)
                    by_pair[method, source, target].append(got.f1)
    rows = [["the source's majority class", *cells(list(majority.values()))]]
    rows += [[m, *cells([found[m, seed] for seed in range(seeds)])] for m in methods]
    print(f"\n{table}: {len(PAIRS[table])} pairs, {seeds} seeds, 100 components\n")
    print(tabulate(rows, ["method", "accuracy", "macro F1", "seconds"], tablefmt="github"))
    sources, targets = (list(dict.fromkeys(names)) for names in zip(*PAIRS[table], strict=True))
    for method in methods:
        print(f"\n{method}: macro F1 from each source to each target, mean over the seeds\n")
        mean = {(s, t): statistics.mean(f1) for (m, s, t), f1 in by_pair.items() if m == method}
        detail = [
            [s, *(f"{mean[s, t]:.1f}" if (s, t) in mean else "" for t in targets)] for s in sources
        ]
        print(tabulate(detail, ["", *targets], tablefmt="github", disable_numparse=True))


def mnist(folder: Path) -> None:
    """StandardScaler → PCA(100) → logistic regression within MNIST, and scikit-learn's pipeline."""
    whole = digit_domains(str(folder), None, "mnist", val_fraction=0)
    mapping = PCAMapping(classifier=classifier(), n_components=100, basis="source")
    pipeline = make_pipeline(StandardScaler(), PCA(100, random_state=0), classifier())

    def of_sklearn(data: Dataset) -> Rows:
        rows, labels = matrix(data.train)
        found: Rows = pipeline.fit(rows, labels).predict(matrix(data.test)[0])
        return found

    rows = [
        [name, *cells([[got]])]
        for name, predict in (("kdrun", of_kdrun(mapping)), ("scikit-learn", of_sklearn))
        if (got := score(predict, whole))
    ]
    print("\nMNIST, StandardScaler → PCA(100) → logistic regression, 60,000 samples\n")
    print(tabulate(rows, ["", "accuracy", "macro F1", "seconds"], tablefmt="github"))


if __name__ == "__main__":
    main()
