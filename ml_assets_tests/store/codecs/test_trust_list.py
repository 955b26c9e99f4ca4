"""The list of what estimators may be made of: somebody looked at all of it, and what it says is so."""

from __future__ import annotations

import inspect
import json

import pytest
from sklearn.base import BaseEstimator
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.gaussian_process import kernels
from sklearn.metrics import DistanceMetric, get_scorer, get_scorer_names
from sklearn.metrics import _dist_metrics as distances
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit, _split
from sklearn.utils.discovery import all_estimators

from ml_assets.store.codecs.trust_list import LIST
from ml_assets_tests.store.codecs import estimator_table

GROUPS = json.loads(LIST.read_text(encoding="utf-8"))
WHY = {name: group["why"] for group in GROUPS for name in group["names"]}
LOOK = "nobody looked at these: see what runs when one is loaded and used, then add it to trusted.json under a reason that holds"


def full(code: type) -> str:
    return f"{code.__module__}.{code.__name__}"


def classes_in(module: object, *bases: type) -> set[str]:
    found = {value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, bases)}
    return {full(value) for value in found if not inspect.isabstract(value) and value not in bases}


MEMBERS = {
    "estimators": {full(kind) for _, kind in all_estimators()},
    "kernels": classes_in(kernels, kernels.Kernel) - {full(kernels.KernelOperator)},
    "splitters": classes_in(_split, BaseCrossValidator, BaseShuffleSplit) - {full(_split._UnsupportedGroupCVMixin)},
    "distances": classes_in(distances, DistanceMetric)
    - {f"{distances.__name__}.DistanceMetric{n}" for n in ("32", "64")},
    "scorers": {full(get_scorer(name)._score_func) for name in get_scorer_names()},
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_somebody_looked_at_each_that_scikit_learn_brings(kind: str) -> None:
    assert sorted(MEMBERS[kind] - set(WHY)) == [], LOOK


def test_each_is_listed_once_with_a_reason() -> None:
    names = [name for group in GROUPS for name in group["names"]]
    assert len(names) == len(set(names))
    assert all(group["why"].endswith(".") and group["as"] for group in GROUPS)


def test_what_is_said_to_be_built_without_calling_anything_is() -> None:
    said = "Built by object.__new__ and BaseEstimator.__setstate__"
    plain = [kind for _, kind in all_estimators() if said in WHY[full(kind)]]
    assert len(plain) > 100
    for kind in plain:
        assert kind.__new__ is object.__new__, kind
        assert kind.__setstate__ is BaseEstimator.__setstate__, kind
        assert not hasattr(kind, "__getattr__"), kind


@pytest.mark.slow
def test_all_estimators_are_stored_with_the_same_bits_and_the_page_says_so() -> None:
    rows = list(estimator_table.rows())
    assert [(row.name, row.differs) for row in rows if row.differs] == []
    assert [row.name for row in rows if row.refused] == ["Birch"]
    assert estimator_table.written(rows) == estimator_table.DOCUMENT.read_text(encoding="utf-8"), (
        "write it again: python -m ml_assets_tests.store.codecs.estimator_table"
    )


def test_the_page_of_estimators_has_each() -> None:
    page = estimator_table.DOCUMENT.read_text(encoding="utf-8")
    assert [name for name, _ in all_estimators() if f"| `{name}` |" not in page] == []
