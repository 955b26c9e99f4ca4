"""Tiny models of other libraries, by name: how each is made, and all that it answers. For the contract of codecs.

``python -m ml_assets_tests.store.codecs.models NAME…`` prints their digests, for another process with other threads.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.testing import digest_of

N_ROWS = 200
CHANCE = np.random.default_rng(0)
MIXED = pd.DataFrame({
    "a b": CHANCE.normal(size=N_ROWS),
    "c": CHANCE.normal(size=N_ROWS),
    "kind": pd.Categorical(CHANCE.choice(list("xyz"), N_ROWS)),
})  # fmt: skip
PLAIN = MIXED[["a b", "c"]]
TWO = (MIXED["a b"] + CHANCE.normal(size=N_ROWS) > 0).astype(int)
WORDS = np.array(["no", "yes"])[TWO]
THREE = CHANCE.integers(0, 3, N_ROWS)
GROUPS = np.repeat(range(N_ROWS // 10), 10)
EARLY, LATE = slice(0, 100), slice(100, N_ROWS)

XGB = {"n_estimators": 3, "max_depth": 3, "n_jobs": 1}
LGBM = {"n_estimators": 3, "num_leaves": 6, "min_child_samples": 5, "verbose": -1}
CAT = {"iterations": 3, "depth": 3, "random_seed": 0, "allow_writing_files": False, "verbose": 0}


def xgb_stopped() -> Any:
    from xgboost import XGBClassifier

    model = XGBClassifier(
        n_estimators=30, max_cat_to_onehot=1, enable_categorical=True, early_stopping_rounds=2, learning_rate=0.7
    )
    return model.fit(MIXED[EARLY], TWO[EARLY], eval_set=[(MIXED[LATE], TWO[LATE])], verbose=False)


def xgb(kind: str, label: Any = THREE, **params: Any) -> Callable[[], Any]:
    import xgboost

    fitted = {"qid": GROUPS} if kind == "XGBRanker" else {}
    return lambda: getattr(xgboost, kind)(**{**XGB, **params}).fit(PLAIN, label, **fitted)


def lgbm_stopped() -> Any:
    from lightgbm import LGBMClassifier, early_stopping

    model = LGBMClassifier(**{**LGBM, "n_estimators": 30}, learning_rate=0.7)
    calls = [early_stopping(2, verbose=False)]
    fit = {"eval_X": (MIXED[LATE],), "eval_y": (TWO[LATE],), "callbacks": calls}
    return model.fit(MIXED[EARLY], TWO[EARLY], **fit)


def lgbm(kind: str, label: Any = THREE, **params: Any) -> Callable[[], Any]:
    import lightgbm

    fitted = {"group": [10] * (N_ROWS // 10)} if kind == "LGBMRanker" else {}
    return lambda: getattr(lightgbm, kind)(**{**LGBM, **params}).fit(PLAIN, label, **fitted)


def cat_stopped() -> Any:
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(**{**CAT, "iterations": 30}, cat_features=["kind"], early_stopping_rounds=2)
    return model.fit(MIXED[EARLY], WORDS[EARLY], eval_set=[(MIXED[LATE], WORDS[LATE])])


def cat(kind: str, label: Any = THREE, **params: Any) -> Callable[[], Any]:
    import catboost

    fitted = {"group_id": GROUPS} if kind == "CatBoostRanker" else {}
    return lambda: getattr(catboost, kind)(**{**CAT, **params}).fit(PLAIN, label, **fitted)


BOOSTERS: dict[str, Callable[[], Any]] = {
    "xgboost early stopping, categories": xgb_stopped,
    "xgboost classes": xgb("XGBClassifier"),
    "xgboost vector leaves": xgb("XGBClassifier", multi_strategy="multi_output_tree"),
    "xgboost quantiles": xgb("XGBRegressor", objective="reg:quantileerror", quantile_alpha=np.array([0.1, 0.9])),
    "xgboost exact": xgb("XGBRegressor", tree_method="exact", gamma=0.5),
    "xgboost dart": xgb("XGBRegressor", booster="dart", rate_drop=0.3),
    "xgboost ranker": xgb("XGBRanker", TWO),
    "xgboost forest": xgb("XGBRFRegressor"),
    "xgboost forest of classes": xgb("XGBRFClassifier"),
    "lightgbm early stopping, categories": lgbm_stopped,
    "lightgbm words": lgbm("LGBMClassifier", pd.Series(WORDS), class_weight={"no": 2, "yes": 1}),
    "lightgbm lines": lgbm("LGBMRegressor", linear_tree=True),
    "lightgbm forest": lgbm("LGBMRegressor", boosting_type="rf", subsample=0.5, subsample_freq=1),
    "lightgbm ranker": lgbm("LGBMRanker"),
    "lightgbm without a split": lgbm("LGBMRegressor", np.ones(N_ROWS)),
    "catboost early stopping, categories": cat_stopped,
    "catboost classes": cat("CatBoostClassifier"),
    "catboost leaf by leaf": cat("CatBoostRegressor", grow_policy="Lossguide"),
    "catboost several answers": cat("CatBoostRegressor", np.c_[THREE, TWO], loss_function="MultiRMSE"),
    "catboost probabilities": cat("CatBoostClassifier", TWO, loss_function="CrossEntropy"),
    "catboost ranker": cat("CatBoostRanker"),
}


def features_of(model: Any) -> pd.DataFrame:
    """Rows that a model is asked about."""
    return MIXED if model.n_features_in_ == MIXED.shape[1] else PLAIN


def answers_equal(one: Any, other: Any) -> bool:
    """Whether two estimators have the same parameters, and answer the same to the last bit."""
    rows = features_of(one)
    ways = [name for name in ("predict", "predict_proba") if hasattr(one, name)]
    params = repr(one.get_params()) == repr(other.get_params())  # NaN is equal to NaN here
    return params and all(np.array_equal(getattr(one, way)(rows), getattr(other, way)(rows)) for way in ways)


if __name__ == "__main__":
    print(json.dumps({name: digest_of(BOOSTERS[name]()) for name in sys.argv[1:]}))
