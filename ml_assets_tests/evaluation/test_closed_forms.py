"""Closed forms against brute force: a bootstrap of the same rows, and how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from ml_assets.evaluation.closed_forms import closed_form, of_mean
from ml_assets.evaluation.intervals import interval, resampled
from ml_assets.evaluation.metrics import (
    ACCURACY,
    AUROC,
    AVERAGE_PRECISION,
    BRIER,
    CALIBRATION_ERROR,
    LOG_LOSS,
    MAE,
    RMSE,
    Answers,
    Mean,
    value_of,
)
from ml_assets.evaluation.percentiles import COVERAGE, PINBALL_LOSS
from ml_assets.problem import Metric

RNG = np.random.default_rng(0)
ROWS = 4_000


def two_classes(rng: np.random.Generator, rows: int, rate: float = 0.2, decimals: int = 9) -> Answers:
    label = (rng.random(rows) < rate).astype(float)
    score = np.log(rate / (1 - rate)) + 1.5 * label + rng.normal(size=rows)
    return Answers(label, np.round(1 / (1 + np.exp(-score)), decimals))


def values(rows: int, heavy: bool = False) -> Answers:
    middle = RNG.standard_t(3, rows) if heavy else RNG.normal(size=rows)
    return Answers(RNG.normal(size=rows), np.column_stack([middle, middle - 1, middle + 1]))


CASES = {
    "auroc": (AUROC, two_classes(RNG, ROWS)),
    "auroc of ties": (AUROC, two_classes(RNG, ROWS, decimals=1)),
    "auroc of 2 %": (AUROC, two_classes(RNG, ROWS, rate=0.02)),
    "average precision": (AVERAGE_PRECISION, two_classes(RNG, ROWS)),
    "average precision of ties": (AVERAGE_PRECISION, two_classes(RNG, ROWS, decimals=1)),
    "brier": (BRIER, two_classes(RNG, ROWS)),
    "log loss": (LOG_LOSS, two_classes(RNG, ROWS)),
    "accuracy": (ACCURACY, two_classes(RNG, ROWS)),
    "calibration error": (CALIBRATION_ERROR, two_classes(RNG, ROWS)),
    "mae": (MAE, values(ROWS)),
    "rmse of heavy tails": (RMSE, values(ROWS, heavy=True)),
    "pinball": (PINBALL_LOSS, values(ROWS)),
    "coverage": (COVERAGE, values(ROWS)),
}


@pytest.mark.parametrize(("metric", "answers"), CASES.values(), ids=CASES)
def test_a_closed_form_is_the_interval_of_the_bootstrap(metric, answers):
    """Of 1,000 resamples an end is known to 0.09 standard errors; nothing else may set the two apart by much."""
    draws = resampled([metric], answers.label, {"m": answers.prediction})["m"][metric.name]
    brute = interval(draws, len(answers.label))
    (low, high), method = closed_form(metric, answers)
    assert (low, high) == pytest.approx((brute.low, brute.high), abs=0.35 * draws.std())
    assert method


def covered(metric: Metric, truth: float, rate: float, cases: int = 200) -> int:
    rng = np.random.default_rng(1)
    found = [closed_form(metric, two_classes(rng, 1_000, rate)) for _ in range(cases)]
    return sum(low <= truth <= high for (low, high), _ in found)


@pytest.mark.parametrize("metric", [AUROC, AVERAGE_PRECISION, BRIER], ids=lambda metric: metric.name)
@pytest.mark.parametrize("rate", [0.5, 0.1], ids=["even", "1 in 10"])
def test_a_closed_form_holds_the_truth_in_about_95_of_100_cases(metric, rate):
    """Fewer than 179 of 200 at 0.95 have a chance of 1 in 1,000."""
    truth = value_of(metric, two_classes(np.random.default_rng(2), 400_000, rate))
    assert covered(metric, truth, rate) >= 179


def test_the_interval_of_an_area_is_delongs():
    """Against DeLong's variance computed from all pairs."""
    answers = two_classes(RNG, 300, decimals=1)
    ones, zeros = (answers.prediction[answers.label == of] for of in (1, 0))
    wins = (ones[:, None] > zeros) + (ones[:, None] == zeros) / 2
    variance = wins.mean(axis=1).var(ddof=1) / len(ones) + wins.mean(axis=0).var(ddof=1) / len(zeros)
    area = wins.mean()
    reach = 1.959964 * math.sqrt(variance) / (area * (1 - area))
    logit = math.log(area / (1 - area))
    expected = [1 / (1 + math.exp(-(logit + side * reach))) for side in (-1, 1)]
    assert closed_form(AUROC, answers)[0] == pytest.approx(expected, rel=1e-6)


def test_the_interval_of_a_mean_is_normal_and_leans_to_where_its_values_do():
    even, skewed = RNG.normal(3, 2, 5_000), RNG.exponential(size=5_000)
    assert of_mean(even) == pytest.approx(
        stats.norm.interval(0.95, even.mean(), even.std() / math.sqrt(5_000)), rel=1e-3
    )
    low, high = of_mean(skewed)
    assert high - skewed.mean() > skewed.mean() - low


@pytest.mark.parametrize("rows", [4, 5])
def test_a_class_of_four_rows_has_no_interval_and_of_five_it_has(rows):
    label = (np.arange(1_000) < rows).astype(float)
    for metric in (AUROC, AVERAGE_PRECISION):
        (low, high), _ = closed_form(metric, Answers(label, RNG.random(1_000)))
        assert np.isnan([low, high]).all() == (rows < 5)


def test_a_perfect_model_is_perfect_within_no_width():
    label = (np.arange(1_000) % 3 == 0).astype(float)
    for metric, best in ((AUROC, 1), (AVERAGE_PRECISION, 1), (ACCURACY, 1), (MAE, 0), (RMSE, 0)):
        assert closed_form(metric, Answers(label, label))[0] == (best, best)


def test_infinite_losses_have_no_interval_and_no_mean_leaves_the_range_of_its_values():
    label = np.zeros(1_000)
    assert np.isnan(closed_form(MAE, Answers(label, np.r_[np.inf, label[1:]]))[0]).all()
    assert closed_form(RMSE, Answers(label, np.r_[1e3, label[1:]]))[0][0] == 0


def test_a_metric_of_ones_own_has_a_closed_form_if_it_is_a_mean():
    answers = two_classes(RNG, 2_000)
    own = Metric("cost", higher_is_better=False, compute=Mean(lambda label, said: abs(label - said) * 7))
    assert closed_form(own, answers)[0] == pytest.approx([7 * end for end in closed_form(MAE, answers)[0]])
    assert closed_form(Metric("any", True, lambda label, said, weights: weights.mean(axis=1)), answers) is None
