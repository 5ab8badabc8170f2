"""What a .skops file may hold: estimators that `places` lists, and what they are made of."""

from __future__ import annotations

import importlib
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from kdrun.security.places import ESTIMATORS

PLAIN = frozenset(
    {
        *(f"builtins.{name}" for name in ("int", "float", "str", "bool", "bytes", "NoneType")),
        *(f"builtins.{name}" for name in ("list", "dict", "tuple", "set", "slice", "type")),
        *("collections.OrderedDict", "collections.defaultdict", "scipy.sparse.csr_matrix"),
        *("scipy.sparse._csr.csr_matrix", "scipy.sparse._csr.csr_array"),
        *(f"numpy.{name}" for name in ("ndarray", "dtype", "generic", "bool", "bool_", "str_")),
        *(f"numpy.{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)),
        *("numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray", "numpy.random.mtrand.RandomState"),
        *("numpy.random._generator.Generator", "numpy.random._mt19937.MT19937"),
        *("numpy.random._pcg64.PCG64", "numpy.RandomState", "numpy.random.RandomState"),
    }
)
"""Plain values, arrays and states of generators."""

LOSSES = (
    *("AbsoluteError", "ExponentialLoss", "HalfBinomialLoss", "HalfGammaLoss"),
    *("HalfMultinomialLoss", "HalfPoissonLoss", "HalfSquaredError", "HuberLoss", "PinballLoss"),
)
"""Of gradient boosting and generalised linear models: in Python, and as `Cy...` in Cython."""

PARTS = frozenset(
    {
        *("sklearn.utils._bunch.Bunch", "sklearn.utils.Bunch", "sklearn.tree._tree.Tree"),
        *("sklearn.neural_network._stochastic_optimizers." + n for n in ("AdamOptimizer",)),
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.calibration._CalibratedClassifier",
        *("sklearn.calibration._SigmoidCalibration", "sklearn.calibration._TemperatureScaling"),
        *(f"sklearn.metrics._dist_metrics.EuclideanDistance{bits}" for bits in ("", "64", "32")),
        *(f"sklearn.neighbors._{kind}.{name}" for kind, name in (("kd_tree", "KDTree"),)),
        *("sklearn.neighbors._ball_tree.BallTree", "sklearn.neighbors._kd_tree.newObj"),
        *(
            f"sklearn.ensemble._hist_gradient_boosting.{name}"
            for name in ("binning._BinMapper", "predictor.TreePredictor", "_bitset", "common")
        ),
        *(f"sklearn._loss.loss.{name}" for name in LOSSES),
        *(f"sklearn._loss._loss.Cy{name}" for name in LOSSES),
        *(
            f"sklearn._loss.link.{name}"
            for name in (
                "HalfLogitLink",
                "IdentityLink",
                "Interval",
                "LogitLink",
                "LogLink",
                "MultinomialLogit",
            )
        ),
        *("sklearn.linear_model._sgd_fast." + n for n in ("Hinge", "SquaredHinge", "Log")),
        *("sklearn.linear_model._stochastic_gradient." + n for n in ("Hinge", "Log")),
        *(
            "sklearn.preprocessing._label.LabelBinarizer",
            "sklearn.preprocessing._label.LabelEncoder",
        ),
    }
)
"""What fitted estimators hold of scikit-learn's own, beside other estimators."""


@cache
def known_types() -> frozenset[str]:
    """Every type that is read, by the name under which a file has it."""
    found = {*PLAIN, *PARTS, *ESTIMATORS.names}
    for path in ESTIMATORS.names:
        home, _, name = path.rpartition(".")
        kind = getattr(importlib.import_module(home), name, None)
        if kind is not None:
            found.add(f"{kind.__module__}.{kind.__qualname__}")
    return frozenset(found)


def refuse_types(path: str | Path) -> None:
    """Refuse a file that names anything else, whatever skops would think of it.

    Raises:
        ValueError: it does, or it says nothing that can be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            schema = json.loads(archive.read("schema.json"))
    except (KeyError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a readable .skops file: {error}") from error
    if foreign := sorted(set(_types(schema)) - known_types()):
        raise ValueError(
            f"{path} holds {', '.join(foreign):.200}: a file is read that holds numbers and "
            "estimators of scikit-learn alone, those that kdrun.security.places lists"
        )


def _types(schema: Any) -> Iterator[str]:
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "__class__" in one or "__module__" in one:
                yield f"{one.get('__module__')}.{one.get('__class__')}"
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
