"""Metrics of predicted intervals: how a regression says how sure it is, and whether it is right about that.

With intervals, an answer is three numbers per row, shape (n, 3): the value (the median), and the 10th and the 90th percentile
of what may come. Four of five outcomes should lie between the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.errors import InvalidPrediction
from ml_assets.evaluation.metrics import Mean
from ml_assets.problem import Metric

if TYPE_CHECKING:
    import numpy as np

PERCENTILES = (0.5, 0.1, 0.9)  # of the three columns, as fractions: value, lower and upper bound
INSIDE = 0.8  # of the outcomes lie between lower and upper, if the percentiles are right


def _inside(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Coverage: share of rows whose label lies in the predicted interval, bounds included; 0.8 is right, more too cautious."""
    _, lower, upper = with_interval(prediction).T
    inside: np.ndarray = (lower <= label) & (label <= upper)
    return inside


def _pinball_losses(label: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Mean pinball loss over the three percentiles, in the label's unit: least for the true ones, so neither a bold nor a
    cautious interval can gain by it.

    Source: Koenker and Bassett (1978), Regression Quantiles; ``sklearn.metrics.mean_pinball_loss``.
    """
    import numpy as np

    over = label[:, None] - with_interval(prediction)  # (n, 3)
    at = np.array(PERCENTILES)
    losses: np.ndarray = np.maximum(at * over, (at - 1) * over).mean(axis=1)
    return losses


def with_interval(prediction: np.ndarray) -> np.ndarray:
    """The prediction, if it has intervals: shape (n, 3).

    Raises:
        InvalidPrediction: if it has none.
    """
    if prediction.ndim == 2 and prediction.shape[1] == 3:
        return prediction
    raise InvalidPrediction(
        f"Predictions have shape {prediction.shape}, but this metric judges intervals. Let predict and baseline return the "
        "value, the 10th and the 90th percentile of each row, shape (n, 3), or choose metrics of values: mae, rmse."
    )


COVERAGE = Metric("coverage", higher_is_better=True, compute=Mean(_inside))
PINBALL_LOSS = Metric("pinball_loss", higher_is_better=False, compute=Mean(_pinball_losses))
