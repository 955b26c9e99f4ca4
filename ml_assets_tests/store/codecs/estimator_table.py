"""Every public estimator of scikit-learn, fitted on little data, stored and loaded: docs/ESTIMATORS.md is what came of it.

Write it again by ``python -m ml_assets_tests.store.codecs.estimator_table``; a test says when that is needed.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401  so that they are found
from sklearn.utils._test_common.instance_generator import _construct_instances
from sklearn.utils._testing import set_random_state
from sklearn.utils.discovery import all_estimators
from sklearn.utils.estimator_checks import _enforce_estimator_tags_X, _enforce_estimator_tags_y

from ml_assets.errors import UnsupportedType
from ml_assets.store import Store, open_backend
from ml_assets.store.codecs.trust_list import LIST

DOCUMENT = Path(__file__).parents[3] / "docs" / "ESTIMATORS.md"
ASKED = ("predict", "predict_proba", "decision_function", "transform", "score_samples", "kneighbors")
X, Y = make_classification(60, 5, random_state=0)
X = np.abs(X)
FRAME = pd.DataFrame(X, columns=list("abcde")).assign(kind=pd.Categorical(np.where(Y > 0, "u", "v")))
TEXTS = ["one two three", "two three four", "five", "one five six"] * 5


@dataclass(frozen=True)
class Row:
    """What came of one estimator.

    Attributes:
        bit_equal: the methods whose answers were the same bits after loading; empty if it was refused.
        differs: what was not the same.
        refused: why the store does not take it.
    """

    name: str
    bit_equal: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    refused: str = ""


def rows() -> Iterator[Row]:
    """One per public estimator, in alphabetical order."""
    for name, kind in all_estimators():
        yield row(name, partial(_default, kind), *_data_of(name))


def row(name: str, make: Callable[[], Any], x: Any = X, y: Any = Y) -> Row:
    """Fit what ``make`` gives on ``x`` and ``y``, store it, load it, and ask both the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence on so few rows, and the like
        fitted, x = _fitted(make(), x, y)
        store = Store(open_backend("memory://"))
        try:
            content = store.put(fitted)
        except UnsupportedType as error:
            return Row(name, refused=str(error))
        loaded = store.get(content)
        again = store.put(loaded) == content  # before anything is asked: some remember what they were asked
        same = {asked: _is_same(fitted, loaded, asked, x) for asked in ASKED if hasattr(fitted, asked)}
        same["stored again"] = again
    return Row(name, tuple(a for a, s in same.items() if s), tuple(a for a, s in same.items() if not s))


def _default(kind: type) -> Any:
    from sklearn.decomposition import SparseCoder
    from sklearn.frozen import FrozenEstimator
    from sklearn.linear_model import LogisticRegression
    from sklearn.manifold import TSNE

    if kind is FrozenEstimator:
        return FrozenEstimator(LogisticRegression().fit(X, Y))
    if kind is TSNE:
        return TSNE(max_iter=250, perplexity=5)
    return SparseCoder(np.eye(X.shape[1])) if kind is SparseCoder else next(iter(_construct_instances(kind)))


def _data_of(name: str) -> tuple[Any, Any]:
    """What an estimator is fitted on, where it takes no matrix and labels."""
    if name in ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer"):
        return TEXTS, None
    if name in ("DictVectorizer", "FeatureHasher"):
        return [{"a": 1.0, "b": 2.0}, {"a": 3.0}], None
    if name in ("LabelBinarizer", "LabelEncoder"):
        return np.array(["u", "v", "w"] * 4), None
    if name == "PatchExtractor":
        return np.arange(800.0).reshape(2, 20, 20), None
    return ([("u", "v"), ("w",)], None) if name == "MultiLabelBinarizer" else (X, Y)


def _fitted(estimator: Any, x: Any, y: Any) -> tuple[Any, Any]:
    set_random_state(estimator, 0)
    if y is None:
        return estimator.fit(x), x
    if isinstance(x, np.ndarray):
        x = _enforce_estimator_tags_X(estimator, x)
    return estimator.fit(x, _enforce_estimator_tags_y(estimator, y)), x


def _is_same(one: Any, other: Any, asked: str, x: Any) -> bool:
    # A copy, since some answer otherwise for the very object they were fitted on. A tuple is of several arrays.
    first, second = (getattr(estimator, asked)(copy(x)) for estimator in (one, other))
    pairs = zip(first, second, strict=True) if isinstance(first, tuple) else [(first, second)]
    return all(_are_equal(a, b) for a, b in pairs)


def _are_equal(one: Any, other: Any) -> bool:
    if sparse.issparse(one):
        return one.shape == other.shape and (one != other).nnz == 0
    first, second = np.asarray(one), np.asarray(other)
    return np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def written(found: list[Row]) -> str:
    """The document."""
    why = {name.rpartition(".")[2]: group["why"] for group in json.loads(LIST.read_text()) for name in group["names"]}
    lines = [f"| `{r.name}` | {_outcome(r)} | {why[r.name]} |" for r in found]
    stored = sum(not r.refused for r in found)
    return "\n".join([HEAD.format(stored=stored, n=len(found)), *lines, ""])


def _outcome(r: Row) -> str:
    if r.refused:
        return f"refused: {r.refused.removesuffix('.')}"
    return f"stored; bit-equal: {', '.join(f'`{a}`' if a in ASKED else a for a in r.bit_equal)}"


HEAD = """# Which estimators of scikit-learn are stored

{stored} of the {n} public estimators of the scikit-learn that is pinned are stored, and answer with the same bits when they are
loaded. *Stored again* means that the loaded one has the same digest. This page is generated by fitting each on 60 rows; a
test fails when it is out of date: `python -m ml_assets_tests.store.codecs.estimator_table` writes it.

What they may be made of (kernels, scorers, splitters, search trees, losses, distances, functions) is listed in
[`trusted.json`](../ml_assets/store/codecs/trusted.json), each with the reason why it is harmless; what is not there is
refused. Classes and functions of your own are stored when the problem lists them in [`artifact_types`](PROBLEM.md).

Models of XGBoost, LightGBM and CatBoost may be inside of any of them, and of classes of your own: pipelines, votes, stacks,
calibration, targets transformed, searches. Each is written and read by [its own codec](CODECS.md), its structure first.

| estimator | result | why it is harmless |
|---|---|---|"""

if __name__ == "__main__":
    DOCUMENT.write_text(written(list(rows())), encoding="utf-8")
