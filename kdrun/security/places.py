"""What a `_target_` may name: a table by the place where it stands. Imports nothing heavy.

A yaml, a record or a file of weights may come from a stranger, and what it names is called. So each
place of a run admits what is meant for it and nothing else: by what it *is*, and by where it is
*defined*. Nothing is imported for a name that lies in none of the homes of its place.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Classes:
    """Classes that are defined in a package.

    Attributes:
        home: how their names begin.
        base: the dotted name of what they derive from.
        defined: the package in which they have to be defined; None for `home`.
    """

    home: str
    base: str
    defined: str | None = None

    def __str__(self) -> str:
        return f"a class of {self.home}"

    def claims(self, path: str) -> bool:
        """Whether a name lies here, before anything is imported."""
        return inside(path, self.home)

    def admits(self, path: str, found: Any) -> bool:
        """Whether what was found there is meant."""
        home = self.defined or self.home
        return (
            inspect.isclass(found)
            and inside(str(found.__module__), home)
            and issubclass(found, _named(self.base))
        )


@dataclass(frozen=True)
class Factories:
    """Functions that are called as their module, `kdrun.dataset.digits.digits`.

    Attributes:
        home: the package of the modules.
        gives: names of the classes that they may say to return.
    """

    home: str
    gives: tuple[str, ...]

    def __str__(self) -> str:
        return f"a factory of {self.home}"

    def claims(self, path: str) -> bool:
        """Whether a name lies here, before anything is imported."""
        return inside(path, self.home)

    def admits(self, path: str, found: Any) -> bool:
        """Whether what was found there is meant."""
        if not inspect.isfunction(found):
            return False
        own = f"{self.home}.{found.__name__}"
        gives = str(inspect.signature(found).return_annotation).rpartition(".")[2]
        return found.__module__ == own and gives in self.gives


@dataclass(frozen=True)
class Exactly:
    """Names that are written down one by one.

    Attributes:
        names: all of them.
        called: what they are together, for messages.
    """

    names: frozenset[str]
    called: str

    def __str__(self) -> str:
        return self.called

    def claims(self, path: str) -> bool:
        """Whether a name is one of them."""
        return path in self.names

    def admits(self, path: str, found: Any) -> bool:
        """Whatever is found under such a name is meant."""
        return path in self.names


@dataclass(frozen=True)
class Registered:
    """Builders that torchvision has in its registry of classifiers."""

    home: str = "torchvision.models"

    def __str__(self) -> str:
        return "a network of torchvision.models"

    def claims(self, path: str) -> bool:
        """Whether a name is one of the registry's."""
        home, _, name = path.rpartition(".")
        if home != self.home or not name.isidentifier():
            return False
        models = _installed(self.home, path)
        return name in models.list_models(module=models)

    def admits(self, path: str, found: Any) -> bool:
        """Whether it is the very builder that the registry has."""
        models = importlib.import_module(self.home)
        return bool(found is models.get_model_builder(path.rpartition(".")[2]))


Rule = Classes | Factories | Exactly | Registered


def one_of(*names: str, called: str | None = None) -> Exactly:
    """Names that are written down one by one."""
    return Exactly(frozenset(names), called or " or ".join(names))


SKLEARN = {
    "calibration": "CalibratedClassifierCV",
    "compose": "ColumnTransformer TransformedTargetRegressor",
    "decomposition": "PCA IncrementalPCA TruncatedSVD NMF FastICA KernelPCA",
    "discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "dummy": "DummyClassifier DummyRegressor",
    "ensemble": (
        "AdaBoostClassifier AdaBoostRegressor BaggingClassifier BaggingRegressor "
        "ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier "
        "GradientBoostingRegressor HistGradientBoostingClassifier HistGradientBoostingRegressor "
        "RandomForestClassifier RandomForestRegressor StackingClassifier StackingRegressor "
        "VotingClassifier VotingRegressor"
    ),
    "feature_selection": "SelectKBest SelectPercentile VarianceThreshold",
    "gaussian_process": "GaussianProcessClassifier GaussianProcessRegressor",
    "gaussian_process.kernels": (
        "ConstantKernel DotProduct Matern RBF RationalQuadratic WhiteKernel Sum Product"
    ),
    "impute": "KNNImputer MissingIndicator SimpleImputer",
    "isotonic": "IsotonicRegression",
    "kernel_approximation": "Nystroem RBFSampler",
    "kernel_ridge": "KernelRidge",
    "linear_model": (
        "ARDRegression BayesianRidge ElasticNet ElasticNetCV HuberRegressor Lars Lasso LassoCV "
        "LinearRegression LogisticRegression LogisticRegressionCV PoissonRegressor "
        "QuantileRegressor Ridge RidgeCV RidgeClassifier RidgeClassifierCV SGDClassifier "
        "SGDRegressor TheilSenRegressor TweedieRegressor"
    ),
    "model_selection": "GridSearchCV KFold RandomizedSearchCV StratifiedKFold",
    "multiclass": "OneVsOneClassifier OneVsRestClassifier",
    "naive_bayes": "BernoulliNB ComplementNB GaussianNB MultinomialNB",
    "neighbors": (
        "KNeighborsClassifier KNeighborsRegressor NearestCentroid RadiusNeighborsClassifier "
        "RadiusNeighborsRegressor"
    ),
    "neural_network": "MLPClassifier MLPRegressor",
    "pipeline": "FeatureUnion Pipeline",
    "preprocessing": (
        "Binarizer KBinsDiscretizer LabelBinarizer LabelEncoder MaxAbsScaler MinMaxScaler "
        "Normalizer OneHotEncoder OrdinalEncoder PolynomialFeatures PowerTransformer "
        "QuantileTransformer RobustScaler SplineTransformer StandardScaler"
    ),
    "random_projection": "GaussianRandomProjection SparseRandomProjection",
    "svm": "LinearSVC LinearSVR NuSVC NuSVR SVC SVR",
    "tree": "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor",
}
"""Estimators by their public module, with what pipelines and kernels put into them. None of them
reads a file, writes one or takes a function by itself."""

ESTIMATORS = Exactly(
    frozenset(
        f"sklearn.{home}.{name}" for home, names in SKLEARN.items() for name in names.split()
    ),
    "an estimator of scikit-learn, as kdrun.security.places lists them",
)

NETWORKS: tuple[Rule, ...] = (
    Classes("kdrun.model", "torch.nn.Module"),
    Classes("torch.nn", "torch.nn.Module", "torch.nn.modules"),
    one_of("kdrun.model.timm.create", called="kdrun.model.timm.create for those of timm"),
    Registered(),
)

TRANSFORMERS = ("transformers", "causal", "seq2seq")
"""Modules of kdrun.model that make networks of Hugging Face."""

TRACKERS = ("mlflow.MLflow", "tensorboard.TensorBoard", "wandb.WandB")

PLACES: dict[str, tuple[Rule, ...]] = {
    "dataset": (Factories("kdrun.dataset", ("Dataset",)),),
    "task": (Classes("kdrun.task", "kdrun.task.Task"),),
    "augment": (one_of("kdrun.dataset.augment.Augment"),),
    "reader": (one_of(*(f"kdrun.dataset.new.{kind}" for kind in ("rows", "texts", "prompts"))),),
    "model": (*NETWORKS, one_of(*(f"kdrun.model.{kind}.create" for kind in TRANSFORMERS))),
    # of a header, which may not name what is to be fetched
    "written": (
        *NETWORKS,
        one_of(*(f"kdrun.model.{kind}.restore" for kind in TRANSFORMERS)),
    ),
    "around": (one_of("kdrun.loss.simkd.reuse", "kdrun.model.stack.Stack"),),
    "teacher": (Factories("kdrun.teacher", ("Module", "Recorded", "Ensemble")),),
    "estimator": (ESTIMATORS,),
    "transfer": (Classes("kdrun.transfer", "kdrun.transfer.Strategy"),),
    "term": (Classes("kdrun.transfer", "kdrun.loss.Loss"),),
    "loss": (Classes("kdrun.loss", "kdrun.loss.Loss"),),
    "method": (Classes("kdrun.method", "kdrun.method.Method"),),
    "optimizer": (Classes("torch.optim", "torch.optim.Optimizer"),),
    "scheduler": (Classes("torch.optim", "torch.optim.lr_scheduler.LRScheduler"),),
    "logger": (one_of(*(f"kdrun.logger.{name}" for name in TRACKERS)),),
}
"""What may stand where, beside the packages that were opened on the command line."""

INSIDE: dict[str, tuple[str, ...]] = {
    "model": ("model",),
    "written": ("written",),
    "teacher": ("estimator",),
    "estimator": ("estimator",),
    "transfer": ("estimator", "term"),
    "loss": ("loss",),
}
"""What may stand in the arguments of what stands where; nothing where nothing is said."""

IN_PLUGINS = ("model", "loss", "term", "estimator")
"""Likewise in the arguments of what an opened package has."""

CLOSED = frozenset(
    {
        *("kdrun", "hydra_plugins", "hydra", "omegaconf", "antlr4", "yaml"),
        *("torch", "torchvision", "torchgen", "functorch", "triton", "timm", "safetensors"),
        *("numpy", "scipy", "sklearn", "pandas", "joblib", "threadpoolctl", "cloudpickle", "dill"),
        *("PIL", "matplotlib", "tabulate", "tqdm", "filelock", "fsspec", "networkx", "sympy"),
        *("jinja2", "requests", "urllib3", "httpx", "aiohttp", "huggingface_hub", "transformers"),
        *("datasets", "multiprocess"),
        *("tokenizers", "skops", "onnx", "onnxruntime", "onnxscript", "pyarrow", "optuna"),
        *("sqlalchemy", "alembic", "submitit", "ray", "mlflow", "tensorboard", "pip", "wheel"),
        *("setuptools", "pkg_resources", "_distutils_hack", "pytest", "_pytest", "xdist"),
        *("IPython", "wandb", "psutil", "pexpect", "sh", "fire", "click", "typer", "test"),
        *sys.stdlib_module_names,
        *sys.builtin_module_names,
    }
)
"""Packages that nobody can open: Python's own, and those that kdrun stands on."""


def inside(name: str, *prefixes: str) -> bool:
    """Whether a dotted name is one of some packages or lies in one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def closed(plugins: Iterable[str]) -> list[str]:
    """Those of the packages that cannot be opened."""
    return [
        name
        for name in plugins
        if name.split(".")[0] in CLOSED or not all(part.isidentifier() for part in name.split("."))
    ]


def private(path: str) -> bool:
    """Whether a name leads through what is private."""
    return any(part.startswith("_") for part in path.split("."))


def rules(place: str, path: str) -> list[Rule]:
    """The rules of a place under which a name may be looked up."""
    return [] if private(path) else [rule for rule in PLACES[place] if rule.claims(path)]


def told(place: str) -> str:
    """What may stand at a place, in words."""
    return ", or ".join(map(str, PLACES[place]))


def _named(path: str) -> Any:
    home, _, name = path.rpartition(".")
    return getattr(importlib.import_module(home), name)


def _installed(home: str, path: str) -> ModuleType | Any:
    try:
        return importlib.import_module(home)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"_target_ '{path}' needs the package '{error.name}', which is not installed"
        ) from error
