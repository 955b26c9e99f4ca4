"""What estimators are made of beyond their defaults: search trees, distances, kernels, scorers, splitters, losses, functions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn import feature_selection, metrics
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import FeatureAgglomeration
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RandomizedSearchCV,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
)
from sklearn.neighbors import VALID_METRICS, KernelDensity, KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer
from sklearn.svm import SVC, OneClassSVM

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store import Store, trust_code
from ml_assets.store.codecs import trust_list
from ml_assets_tests.store.codecs.estimator_table import row

CHANCE = np.random.default_rng(0)
X = CHANCE.random((40, 2)) + 0.1
Y = (X[:, 0] > 0.6).astype(int)
MATRIX = sparse.csr_matrix(np.where(X > 0.4, X, 0))
FRAME = pd.DataFrame({"kind": pd.Categorical(np.where(Y > 0, "u", "v")), "x": X[:, 1]})

DISTANCES: dict[str, dict[str, Any]] = {
    "euclidean": {}, "manhattan": {}, "chebyshev": {}, "haversine": {}, "hamming": {}, "canberra": {}, "braycurtis": {},
    "jaccard": {}, "dice": {}, "rogerstanimoto": {}, "russellrao": {}, "sokalsneath": {},
    "minkowski": {"p": 3, "w": np.array([1.0, 2.0])},
    "seuclidean": {"V": np.array([0.5, 2.0])},
    "mahalanobis": {"VI": np.array([[2.0, 0.1], [0.1, 1.0]])},
}  # fmt: skip
SEVERAL = {"a": "r2", "b": make_scorer(metrics.mean_pinball_loss, alpha=0.3)}
RANGES = {"alpha": stats.loguniform(1e-3, scale=2, b=1), "max_iter": stats.randint(5, high=9)}
KERNELS = (
    kernels.ConstantKernel(2.0) * kernels.RBF(0.5) + kernels.WhiteKernel(0.1),
    kernels.Matern(nu=1.5) ** 2,
    kernels.RationalQuadratic(alpha=0.5),
    kernels.ExpSineSquared() + kernels.WhiteKernel(9.0),
    kernels.DotProduct() + kernels.WhiteKernel(),
    kernels.PairwiseKernel(metric="rbf"),
)
SCORES = (
    feature_selection.f_classif, feature_selection.f_regression, feature_selection.r_regression, feature_selection.chi2,
    feature_selection.mutual_info_classif,
)  # fmt: skip
SPLITTERS = (
    KFold(2),
    StratifiedKFold(2),
    RepeatedKFold(n_splits=2, n_repeats=1, random_state=0),
    RepeatedStratifiedKFold(n_splits=2, n_repeats=1, random_state=0),
    ShuffleSplit(2, random_state=0),
    StratifiedShuffleSplit(2, random_state=0),
    TimeSeriesSplit(2),
    LeaveOneOut(),
    PredefinedSplit([0, 1] * 20),
    [(np.arange(20), np.arange(20, 40))],
)


class Ratio(TransformerMixin, BaseEstimator):
    """A transformer of a problem's own."""

    def fit(self, x: Any, y: Any = None) -> Ratio:
        self.mean_ = np.asarray(x).mean()
        return self

    def transform(self, x: Any) -> np.ndarray:
        return np.asarray(x) / self.mean_


class Constant:
    """A model of a problem's own that is no estimator of scikit-learn."""

    def __init__(self, value: float) -> None:
        self.value = value


class Stranger(Ratio):
    """A transformer that nobody listed."""


def furthest(one: np.ndarray, other: np.ndarray, factor: float = 1.0) -> float:
    return factor * float(np.abs(one - other).max())


def squared(x: np.ndarray) -> np.ndarray:
    return np.asarray(x) ** 2


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_list, "_own", {})
    for code in (Ratio, Constant, furthest, squared):
        trust_code(code)


def estimators() -> Iterator[tuple[str, Any, Any]]:
    for metric, more in DISTANCES.items():
        for tree in ("ball_tree", "kd_tree"):
            if metric in VALID_METRICS[tree] and (tree, metric) != ("kd_tree", "minkowski"):  # not with weights
                yield f"{tree} {metric}", KNeighborsClassifier(3, algorithm=tree, metric=metric, metric_params=more), X
    yield "a distance of one's own", KNeighborsClassifier(3, algorithm="ball_tree", metric=furthest), X
    yield "a distance with arguments", NearestNeighbors(metric=furthest, metric_params={"factor": 2.0}), X
    yield "neighbours of sparse rows", KNeighborsRegressor(3), MATRIX
    yield "support vectors of sparse rows", SVC(random_state=0), MATRIX
    for kernel in ("linear", "poly", "rbf", "sigmoid"):
        yield f"machine {kernel}", SVC(kernel=kernel), X
    yield "one class", OneClassSVM(), X
    for n, kernel in enumerate(KERNELS):
        yield f"kernel {n}", GaussianProcessRegressor(kernel, optimizer=None), X
    for extrapolation in ("constant", "linear", "continue", "periodic", "error"):
        yield f"splines {extrapolation}", SplineTransformer(extrapolation=extrapolation), X
    yield "sparse splines", SplineTransformer(sparse_output=True), X
    for score in SCORES:
        yield f"score {score.__name__}", SelectKBest(score, k=1), X
    for pool in (np.mean, np.max, np.median, np.min):
        yield f"pool {pool.__name__}", FeatureAgglomeration(1, pooling_func=pool), X
    for method in ("sigmoid", "isotonic", "temperature"):
        yield f"calibrated {method}", CalibratedClassifierCV(LogisticRegression(), method=method, cv=2), X
    for scoring in ("balanced_accuracy", "f1"):
        yield (
            f"threshold {scoring}",
            TunedThresholdClassifierCV(LogisticRegression(), scoring=scoring, cv=2, thresholds=5),
            X,
        )
    for loss in ("hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", "huber", "epsilon_insensitive"):
        yield f"descent {loss}", SGDClassifier(loss=loss, max_iter=2000, random_state=0), X
    for loss in ("squared_error", "absolute_error", "poisson", "quantile"):
        yield f"histograms {loss}", HistGradientBoostingRegressor(loss=loss, max_iter=2, quantile=0.4), X
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        yield f"boosting {loss}", GradientBoostingRegressor(loss=loss, n_estimators=2, random_state=0), X
    yield (
        "boosting of a start",
        GradientBoostingClassifier(n_estimators=2, init=LogisticRegression(), random_state=0),
        X,
    )
    yield "a ufunc", FunctionTransformer(np.log1p, inverse_func=np.expm1), X
    yield "imputed by turns", IterativeImputer(max_iter=2, tol=1.0, random_state=0), X
    chosen = make_column_selector(dtype_include="category")
    yield "several scores", GridSearchCV(Ridge(), {"alpha": [1.0]}, scoring=SEVERAL, refit="a", cv=2), X
    yield "a search at random", RandomizedSearchCV(Ridge(), RANGES, n_iter=2, cv=2, random_state=0), X
    yield "a halving search", HalvingGridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, cv=2, random_state=0), X
    yield "one's own", make_pipeline(FunctionTransformer(squared), Ratio(), KernelDensity()), X
    yield "chosen columns", make_column_transformer((OneHotEncoder(), chosen), remainder="passthrough"), FRAME


NARROWED = ("support vectors of sparse rows",)  # scipy reads indices of 64 bits as 32, where these suffice
FITTED = {name: (estimator, x) for name, estimator, x in estimators()}


@pytest.mark.parametrize("name", FITTED)
def test_whatever_it_is_made_of_it_answers_with_the_same_bits_when_it_is_loaded(name: str) -> None:
    estimator, x = FITTED[name]
    found = row(name, lambda: clone(estimator), x, Y)
    assert found.refused == ""
    assert found.differs == (("stored again",) if name in NARROWED else ())


@pytest.mark.parametrize("name", get_scorer_names())
def test_a_search_comes_back_with_its_scorer(store: Store, name: str) -> None:
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, scoring=get_scorer(name))
    loaded = store.get(store.put(search))
    assert repr(loaded.scoring) == repr(search.scoring)
    assert loaded.scoring._score_func is search.scoring._score_func


@pytest.mark.parametrize("splitter", SPLITTERS, ids=lambda s: type(s).__name__)
def test_a_search_comes_back_with_its_splits(store: Store, splitter: Any) -> None:
    np.random.seed(0)
    loaded = store.get(store.put(GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=splitter))).cv
    parts = [list(part.split(X, Y)) if hasattr(part, "split") else part for part in (splitter, loaded)]
    assert all(np.array_equal(a, b) for one, other in zip(*parts, strict=True) for a, b in zip(one, other, strict=True))


def test_a_distribution_draws_the_same_and_has_one_spelling_however_it_was_called(store: Store) -> None:
    spellings = [stats.uniform(1, 2), stats.uniform(loc=1, scale=2), stats.uniform(1, scale=2)]
    searches = [RandomizedSearchCV(Ridge(), {"alpha": spelling}) for spelling in spellings]
    contents = [store.put(search) for search in searches]
    assert contents[0] == contents[1] == contents[2]
    loaded = store.get(store.put(searches[0])).param_distributions["alpha"]
    assert np.array_equal(loaded.rvs(5, random_state=0), spellings[0].rvs(5, random_state=0))


def test_a_search_tree_has_one_spelling_however_often_it_was_asked(store: Store) -> None:
    neighbors = NearestNeighbors(algorithm="kd_tree").fit(X)
    content = store.put(neighbors)
    neighbors.kneighbors(X)
    assert store.put(neighbors) == content


def test_arrays_keep_their_order_by_which_products_are_summed(store: Store) -> None:
    ridge = Ridge().fit(X, Y)
    ridge.by_columns_ = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert store.get(store.put(ridge)).by_columns_.flags.f_contiguous


def test_a_plain_object_of_a_class_that_is_listed_is_stored_by_itself(store: Store) -> None:
    loaded = store.get(store.put(Constant(0.5)))
    assert (type(loaded), loaded.value) == (Constant, 0.5)


@pytest.mark.parametrize(
    ("made", "what"),
    [
        (
            lambda: make_pipeline(Stranger(), Ridge()),
            r"test_estimator_parts\.Stranger .*list them in the problem's artifact_types",
        ),
        (lambda: FunctionTransformer(np.savetxt), r"numpy\.savetxt .*trusted\.json after looking"),
        (lambda: FunctionTransformer(lambda x: x), r"<lambda> .*Define the function in the problem's module, by name"),
        (lambda: FunctionTransformer(Constant(1).__init__), r"__init__ "),
        (lambda: CountVectorizer(tokenizer=str.split), r"builtins\.method_descriptor "),
    ],
    ids=["a class", "a function that writes", "a lambda", "a method", "a method of text"],
)
def test_what_nobody_listed_is_refused_before_it_is_trained_and_the_error_says_what_to_do(
    store: Store, made: Callable[[], Any], what: str
) -> None:
    with pytest.raises(UnsupportedType, match=what):
        store.put(made())


@pytest.mark.parametrize(
    "code",
    [lambda x: x, len, Constant(1), Constant.__init__, "os.system"],
    ids=["lambda", "C", "object", "method", "text"],
)
def test_only_what_its_module_has_under_its_own_name_can_be_listed(code: Any) -> None:
    with pytest.raises(UnsupportedType, match="that its module has under its own name"):
        trust_code(code)


def test_what_was_listed_is_not_built_where_it_is_not_or_became_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = store.put(Ratio().fit(X))
    with monkeypatch.context() as changed:
        changed.setattr(sys.modules[__name__], "Ratio", Stranger)
        with pytest.raises(UnreadableContent, match="Ratio, which is another object now than when it was listed"):
            store.get(content)
    monkeypatch.setattr(trust_list, "_own", {})
    with pytest.raises(UnreadableContent, match=r"wants to use .*\.Ratio: not on our list"):
        store.get(content)
