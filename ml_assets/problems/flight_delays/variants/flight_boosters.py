"""Which of four libraries' boosted trees tells best whether a flight will be late? ``flight_delays`` with four candidates.

Each gets the same features, leaves, learning rate, least rows of a leaf and share of features for a split, one thread, and stops
where the validation rows no longer gain. (XGBoost counts the weight of rows, p (1 - p) each: an eighth of them here.)
XGBoost, LightGBM and CatBoost come with ``pip install 'ml_assets[boosters]'``; without them theirs fail, and say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ml_assets.problem import Candidate, TrainingData, TrainingRun
from ml_assets.problems.flight_delays import PROBLEM as FLIGHT_DELAYS
from ml_assets.problems.flight_delays.model import HistGBParams, encoder

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def train_xgboost(data: TrainingData, params: HistGBParams, run: TrainingRun) -> Pipeline:
    """XGBoost's classifier behind the encoder."""
    from xgboost import XGBClassifier

    model = XGBClassifier(
        learning_rate=params.learning_rate,
        n_estimators=params.max_iter,
        max_leaves=params.max_leaf_nodes,
        max_depth=0,
        grow_policy="lossguide",
        min_child_weight=params.min_samples_leaf / 8,
        colsample_bynode=params.max_features,
        reg_lambda=params.l2_regularization,
        early_stopping_rounds=params.n_iter_no_change,
        eval_metric="logloss",
        n_jobs=1,
        random_state=run.seed,
    )
    return _fitted(data, model, lambda x, y, x_val, y_val: model.fit(x, y, eval_set=[(x_val, y_val)], verbose=False))


def train_lightgbm(data: TrainingData, params: HistGBParams, run: TrainingRun) -> Pipeline:
    """LightGBM's classifier behind the encoder."""
    from lightgbm import LGBMClassifier, early_stopping

    model = LGBMClassifier(
        learning_rate=params.learning_rate,
        n_estimators=params.max_iter,
        num_leaves=params.max_leaf_nodes,
        min_child_samples=params.min_samples_leaf,
        feature_fraction_bynode=params.max_features,
        reg_lambda=params.l2_regularization,
        n_jobs=1,
        random_state=run.seed,
        verbose=-1,
    )
    stop = early_stopping(params.n_iter_no_change, verbose=False)
    return _fitted(
        data, model, lambda x, y, x_val, y_val: model.fit(x, y, eval_X=(x_val,), eval_y=(y_val,), callbacks=[stop])
    )


def train_catboost(data: TrainingData, params: HistGBParams, run: TrainingRun) -> Pipeline:
    """CatBoost's classifier behind the encoder."""
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(
        learning_rate=params.learning_rate,
        iterations=params.max_iter,
        max_leaves=params.max_leaf_nodes,
        grow_policy="Lossguide",
        min_data_in_leaf=params.min_samples_leaf,
        rsm=params.max_features,
        l2_leaf_reg=params.l2_regularization,
        early_stopping_rounds=params.n_iter_no_change,
        thread_count=1,
        random_seed=run.seed,
        allow_writing_files=False,
        verbose=0,
    )
    return _fitted(data, model, lambda x, y, x_val, y_val: model.fit(x, y, eval_set=[(x_val, y_val)]))


def _fitted(data: TrainingData, model: Any, fit: Callable[..., Any]) -> Pipeline:
    """Encoder and booster, fitted on the train rows; the validation rows say when to stop."""
    from sklearn.pipeline import make_pipeline

    encode = encoder()
    x, x_val = encode.fit_transform(data.train.features), encode.transform(data.validation.features)
    fit(x, data.train.label, x_val, data.validation.label)
    return make_pipeline(encode, model)


PROBLEM = replace(
    FLIGHT_DELAYS,
    name="flight_boosters",
    description=__doc__ or "",
    candidates={
        "histogram": Candidate(),
        "xgboost": Candidate(train_xgboost),
        "lightgbm": Candidate(train_lightgbm),
        "catboost": Candidate(train_catboost),
    },
)
