"""The model: gradient-boosted trees over histograms, stopped where the newest days before the test no longer gain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.problem import FeatureTable, TrainingData, TrainingRun

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

CATEGORIES = ("origin", "dest", "carrier")
LOG_EVERY = 10  # trees


@dataclass(frozen=True)
class HistGBParams:
    """Parameters of scikit-learn's HistGradientBoostingClassifier, by its names.

    Attributes:
        max_iter: most trees; fewer where the validation rows no longer gain.
        max_features: fraction of the features that each split may choose from.
        n_iter_no_change: stop after this many trees without a gain on the validation rows.
    """

    learning_rate: float = 0.08
    max_iter: int = 150
    max_leaf_nodes: int = 15
    min_samples_leaf: int = 200
    l2_regularization: float = 5.0
    max_features: float = 0.3
    n_iter_no_change: int = 15


def train(data: TrainingData, params: HistGBParams, run: TrainingRun) -> Pipeline:
    """Fit encoder and trees on the train rows; the validation rows say when to stop.

    Returns:
        a fitted Pipeline from features to probabilities. A category that training never saw counts as missing.
    """
    from sklearn.pipeline import make_pipeline

    encode = encoder()
    trees = _trees(params, run.seed)
    trees.fit(
        encode.fit_transform(data.train.features),
        data.train.label,
        X_val=encode.transform(data.validation.features),
        y_val=data.validation.label,
    )
    _log_losses(trees, run)
    return make_pipeline(encode, trees)


def encoder() -> ColumnTransformer:
    """Categories as numbers, first; the other features as they are. A category that training never saw is missing."""
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OrdinalEncoder

    to_numbers = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=float("nan"))
    return make_column_transformer((to_numbers, list(CATEGORIES)), remainder="passthrough")


def predict(model: Pipeline, features: pd.DataFrame) -> np.ndarray:
    """Probability (n,) that each flight arrives 15 or more minutes late."""
    probability: np.ndarray = model.predict_proba(features)[:, 1]
    return probability


def baseline(train: FeatureTable, test: FeatureTable) -> np.ndarray:
    """How often flights of the same origin and scheduled hour were late: shape (n,), for the rows of ``test``.

    An hour that ``train`` never saw has the rate of all its flights.
    """
    keys = ["origin", "hour"]
    rate = train.features[keys].assign(late=train.label).groupby(keys, as_index=False)["late"].mean()
    known = test.features[keys].merge(rate, on=keys, how="left")["late"]
    return known.fillna(train.label.mean()).to_numpy()


def _trees(params: HistGBParams, seed: int):  # type: ignore[no-untyped-def]  # scikit-learn has no types
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        **vars(params), early_stopping=True, categorical_features=list(range(len(CATEGORIES))), random_state=seed
    )


def _log_losses(trees, run: TrainingRun) -> None:  # type: ignore[no-untyped-def]
    """Log loss in nats after each tenth tree and the last."""
    last = len(trees.train_score_) - 1
    for step in sorted({*range(0, last, LOG_EVERY), last}):
        run.log(step, train_loss=-trees.train_score_[step], validation_loss=-trees.validation_score_[step])
