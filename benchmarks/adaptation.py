"""Feature mappings between domains, beside the same methods of scikit-adaptation's `skada`.

Each library gets the same arrays, the same standardisation (of the source) and the same classifier
(logistic regression), is fitted to labelled source and unlabelled target training samples, and is
scored on the target's test samples. What varies from seed to seed is `split_seed`. Seconds are of
fitting and predicting, on one thread.

    pip install skada    # kdrun itself does not need it; without it, its columns are empty
    python benchmarks/adaptation.py office heart digits --data data
    python benchmarks/adaptation.py news sentiment mnist --data data
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
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
from kdrun.dataset.heart import heart
from kdrun.dataset.loader import make_loader
from kdrun.dataset.office_caltech import office_caltech
from kdrun.dataset.text import text
from kdrun.model import build
from kdrun.transfer import transferred
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
    parser.add_argument("tables", nargs="+", choices=sorted(TABLES))
    parser.add_argument("--data", default="data", help="the folder of the files")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    for name in options.tables:
        TABLES[name](Path(options.data), options.seeds)


def classifier() -> LogisticRegression:
    return LogisticRegression(max_iter=1000)


def matrix(split: Split) -> tuple[Rows, Rows]:
    """A split as scikit-learn wants it."""
    assert isinstance(split, Arrays)
    assert isinstance(split.inputs, torch.Tensor)
    rows = split.inputs.flatten(1).float().numpy()
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

        mapped = transferred(mapping, student, data, load).eval()
        with torch.no_grad():
            said = [mapped(batch).logits.argmax(1) for batch in load(data.test).epoch(0)]
        found: Rows = torch.cat(said).numpy()
        return found

    return predict


def of_skada(adapter: Callable[[], Any]) -> Predict:
    """The pipeline of skada's documentation, on the same standardised rows."""

    def predict(data: Dataset) -> Rows:
        from skada import make_da_pipeline
        from skada.utils import source_target_merge

        assert data.source is not None
        ours, labels = matrix(data.source.train)
        scaler = StandardScaler().fit(ours)
        theirs, seen = (scaler.transform(matrix(s)[0]) for s in (data.train, data.test))
        hidden = np.full(len(theirs), -1)
        rows, targets, domains = source_target_merge(scaler.transform(ours), theirs, labels, hidden)
        steps = [step for step in (adapter(),) if step is not None]
        pipeline = make_da_pipeline(*steps, classifier())
        pipeline.fit(rows, targets, sample_domain=domains)
        found: Rows = pipeline.predict(seen, allow_source=True)
        return found

    return predict


def peers(components: int, samples: int) -> dict[str, tuple[Predict, Predict | None]]:
    """Each method in kdrun, and in skada if it is there."""
    own = {"classifier": classifier()}
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
        theirs = {
            "source only": of_skada(lambda: None),
            "PCA, shared": of_skada(lambda: PCA(components, random_state=0)),
            "subspace alignment": of_skada(lambda: skada.SubspaceAlignmentAdapter(components)),
            "CORAL": of_skada(skada.CORALAdapter),
            "TCA, linear": of_skada(lambda: tca(kernel="linear", n_components=components)),
            "TCA, rbf": of_skada(lambda: tca(n_components=components)),
            "OT, exact": of_skada(skada.OTMappingAdapter),
            "OT, classes": of_skada(skada.ClassRegularizerOTMappingAdapter),
        }
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


Pairs = Callable[[int], Iterator[tuple[str, Dataset]]]
"""The pairs of domains of a benchmark, by name, cut by one seed."""


def beside_skada(title: str, pairs: Pairs, seeds: int, components: int, samples: int) -> None:
    """Print one table: a row for each method, means over the pairs and deviations over seeds."""
    methods = peers(components, samples)
    found: dict[tuple[str, str, int], list[Score]] = defaultdict(list)
    by_pair: dict[tuple[str, str], list[float]] = defaultdict(list)
    for seed in range(seeds):
        for pair, data in pairs(seed):
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
    print(f"\n{title}, {seeds} seeds, {components} components\n")
    header = ["method", *(f"{library}: {name}" for library in ("kdrun", "skada") for name in names)]
    print(tabulate(rows, header, tablefmt="github"))
    pairs_seen = list(dict.fromkeys(pair for _, pair in by_pair))
    if len(pairs_seen) > 1:
        detail = [
            [pair, *(f"{statistics.mean(by_pair[m, pair]):.1f}" for m in methods)]
            for pair in pairs_seen
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


def office(data: Path, seeds: int) -> None:
    names = ("amazon", "caltech10", "dslr", "webcam")

    def pairs(seed: int) -> Iterator[tuple[str, Dataset]]:
        for source, target in permutations(names, 2):
            path = str(data / "surf800.npz")
            yield (
                f"{source} → {target}",
                office_caltech(path, source, target, "none", 0, seed),
            )

    beside_skada("Office-Caltech, 12 pairs", pairs, seeds, 30, 2000)


def hospitals(data: Path, seeds: int) -> None:
    names = ("cleveland", "hungarian", "switzerland", "va")

    def pairs(seed: int) -> Iterator[tuple[str, Dataset]]:
        for source, target in permutations(names, 2):
            root = str(data / "heart_disease")
            options = {"labels": "none", "val_fraction": 0, "split_seed": seed}
            yield f"{source} → {target}", heart(root, source, target, **options)

    beside_skada("Heart disease, 12 pairs", pairs, seeds, 10, 2000)


def digits(data: Path, seeds: int) -> None:
    for source, target in (("mnist", "usps"), ("usps", "mnist")):

        def pairs(
            seed: int, source: str = source, target: str = target
        ) -> Iterator[tuple[str, Dataset]]:
            yield (
                f"{source} → {target}",
                digit_domains(
                    str(data), source, target, "none", image_size=16, val_fraction=0,
                    split_seed=seed, train_size=1000,
                ),
            )  # fmt: skip

        title = f"{source} → {target}, 16x16, 1,000 training samples each"
        beside_skada(title, pairs, seeds, 50, 2000)


def of_texts(title: str, pairs: Pairs, seeds: int) -> None:
    """Print one table of kdrun's mappings on TF-IDF."""
    methods: dict[str, Mapping] = {}
    for scaler in ("none", "source", "per_domain"):
        own: dict[str, Any] = {"classifier": classifier(), "scaler": scaler}
        methods |= {
            f"source only, scaler={scaler}": SourceOnly(**own),
            f"PCA, shared, scaler={scaler}": PCAMapping(**own, n_components=100),
            f"CORAL, scaler={scaler}": Coral(**own, n_components=100),
        }
    found: dict[tuple[str, int], list[Score]] = defaultdict(list)
    majority: dict[int, list[Score]] = defaultdict(list)
    for seed in range(seeds):
        for _, data in pairs(seed):
            assert data.source is not None
            most = np.bincount(data.source.train.targets).argmax()
            always = score(lambda data, most=most: np.full(len(data.test), most), data)
            majority[seed].append(always or Score(0, 0, 0))
            for method, mapping in methods.items():
                if got := score(of_kdrun(mapping), data):
                    found[method, seed].append(got)
    rows = [["the source's majority class", *cells(list(majority.values()))]]
    rows += [[m, *cells([found[m, seed] for seed in range(seeds)])] for m in methods]
    print(f"\n{title}, {seeds} seeds, 100 components\n")
    print(tabulate(rows, ["method", "accuracy", "macro F1", "seconds"], tablefmt="github"))


def news(data: Path, seeds: int) -> None:
    path = str(data / "news_to_social" / "sentiment3.jsonl.gz")

    def pairs(seed: int) -> Iterator[tuple[str, Dataset]]:
        source, target = "news_fpb+fin_headlines", "tweets+fin_posts"
        options: dict[str, Any] = {"val_fraction": 0, "split_seed": seed, "max_features": 3000}
        yield "news → social", text(path, source, target, "none", **options)

    of_texts("News → social text, 3 classes", pairs, seeds)


def sentiment(data: Path, seeds: int) -> None:
    path = str(data / "sentiment_7domains" / "sentiment.jsonl.gz")
    names = ("books", "dvd", "electronics", "kitchen", "imdb", "airline", "blog")

    def pairs(seed: int) -> Iterator[tuple[str, Dataset]]:
        options: dict[str, Any] = {"val_fraction": 0, "split_seed": seed, "max_features": 2000}
        for source, target in permutations(names, 2):
            yield f"{source} → {target}", text(path, source, target, "none", **options)

    of_texts("Sentiment, 42 pairs of 7 domains", pairs, seeds)


def mnist(data: Path, seeds: int) -> None:
    """StandardScaler → PCA(100) → logistic regression within MNIST, and scikit-learn's pipeline."""
    whole = digit_domains(str(data), None, "mnist", val_fraction=0)
    mapping = PCAMapping(classifier=classifier(), n_components=100, basis="source")
    pipeline = make_pipeline(StandardScaler(), PCA(100, random_state=0), classifier())

    def of_sklearn(data: Dataset) -> Rows:
        rows, labels = matrix(data.train)
        found: Rows = pipeline.fit(rows / 255, labels).predict(matrix(data.test)[0] / 255)
        return found

    rows = [
        [name, *cells([[got]])]
        for name, predict in (("kdrun", of_kdrun(mapping)), ("scikit-learn", of_sklearn))
        if (got := score(predict, whole))
    ]
    print("\nMNIST, StandardScaler → PCA(100) → logistic regression, 60,000 samples\n")
    print(tabulate(rows, ["", "accuracy", "macro F1", "seconds"], tablefmt="github"))


TABLES: dict[str, Callable[[Path, int], None]] = {
    "office": office,
    "heart": hospitals,
    "digits": digits,
    "news": news,
    "sentiment": sentiment,
    "mnist": mnist,
}

if __name__ == "__main__":
    main()
