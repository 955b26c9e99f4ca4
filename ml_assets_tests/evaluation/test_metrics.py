from __future__ import annotations

import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ml_assets.errors import InvalidPrediction
from ml_assets.evaluation import metrics
from ml_assets.problem import Metric

ROWS = st.integers(2, 40)


@st.composite
def weighted_binary(draw):
    """Labels of both classes, scores with many ties, and counts that keep both classes."""
    n = draw(ROWS)
    label = np.array([0.0, 1.0, *draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=n - 2, max_size=n - 2))])
    score = np.array(draw(st.lists(st.integers(0, 10), min_size=n, max_size=n))) / 10
    weight = draw(npst.arrays(np.int32, (3, n), elements=st.integers(0, 4)))
    weight[:, :2] += 1
    return label, score, weight


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        (metrics.AVERAGE_PRECISION, sk.average_precision_score),
        (metrics.AUROC, sk.roc_auc_score),
        (metrics.BRIER, sk.brier_score_loss),
        (metrics.LOG_LOSS, sk.log_loss),
        (metrics.MAE, sk.mean_absolute_error),
        (metrics.RMSE, sk.root_mean_squared_error),
    ],
    ids=lambda of: getattr(of, "name", ""),
)
@given(data=weighted_binary())
@settings(max_examples=60, deadline=None)
def test_every_resample_agrees_with_sklearn_given_the_same_weights(metric, reference, data):
    label, score, weights = data
    expected = [reference(label, score, sample_weight=weight) for weight in weights]
    np.testing.assert_allclose(metric.compute(label, score, weights), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        (metrics.ACCURACY, lambda y, p, w: sk.accuracy_score(y, p.argmax(axis=1), sample_weight=w)),
        (metrics.LOG_LOSS, lambda y, p, w: sk.log_loss(y, p, sample_weight=w, labels=[0, 1, 2])),
        (metrics.BRIER, lambda y, p, w: sk.brier_score_loss(y, p, sample_weight=w, labels=[0, 1, 2])),
    ],
    ids=["accuracy", "log_loss", "brier"],
)
def test_metrics_of_several_classes_agree_with_sklearn(metric, reference):
    rng = np.random.default_rng(3)
    label, prediction = rng.integers(0, 3, 50).astype(float), rng.dirichlet([1, 1, 1], 50)
    weights = rng.integers(0, 4, (5, 50))
    expected = [reference(label, prediction, weight) for weight in weights]
    np.testing.assert_allclose(metric.compute(label, prediction, weights), expected, rtol=1e-12)


def test_accuracy_of_a_binary_label_counts_a_probability_of_one_half_as_a_one():
    assert metrics.value(metrics.ACCURACY, np.array([1.0, 0.0]), np.array([0.5, 0.5])) == 0.5
    assert metrics.value(metrics.ACCURACY, np.array([1.0, 0.0]), np.array([0.5, 0.4999])) == 1.0


@given(data=weighted_binary())
@settings(max_examples=40, deadline=None)
def test_calibration_error_is_the_weighted_distance_of_sklearns_calibration_curve(data):
    label, score, weights = data
    for weight, found in zip(weights, metrics.CALIBRATION_ERROR.compute(label, score, weights), strict=True):
        repeated_label, repeated_score = np.repeat(label, weight), np.repeat(score, weight)
        observed, predicted = sklearn.calibration.calibration_curve(repeated_label, repeated_score, n_bins=10)
        bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], repeated_score)
        share = np.unique(bins, return_counts=True)[1] / len(bins)
        assert found == pytest.approx((share * abs(observed - predicted)).sum(), abs=1e-12)


def test_calibration_error_of_several_classes_judges_the_predicted_one():
    prediction = np.array([[0.9, 0.1, 0.0], [0.9, 0.1, 0.0]])
    assert metrics.value(metrics.CALIBRATION_ERROR, np.array([0.0, 2.0]), prediction) == pytest.approx(0.4)


@pytest.mark.parametrize("metric", [metrics.AVERAGE_PRECISION, metrics.AUROC], ids=["average_precision", "auroc"])
def test_ranking_is_undefined_in_exactly_the_resamples_with_one_class(metric):
    label, score = np.array([0.0, 1.0, 1.0]), np.array([0.1, 0.9, 0.3])
    weights = np.array([[3, 0, 0], [1, 1, 1], [0, 2, 1], [0, 0, 0]])
    np.testing.assert_array_equal(np.isnan(metric.compute(label, score, weights)), [True, False, True, True])


@pytest.mark.parametrize(
    "metric",
    [metrics.AUROC, metrics.BRIER, metrics.LOG_LOSS, metrics.CALIBRATION_ERROR, metrics.MAE],
    ids=lambda m: m.name,
)
def test_a_metric_of_no_rows_is_undefined(metric):
    assert np.isnan(metrics.value(metric, np.empty(0), np.empty(0)))


def test_blocks_of_weights_do_not_change_the_result(monkeypatch):
    rng = np.random.default_rng(0)
    label, score = (rng.random(30) < 0.4).astype(float), rng.random(30).round(1)
    weights = rng.integers(0, 3, (17, 30))
    judged = (metrics.AVERAGE_PRECISION, metrics.AUROC, metrics.BRIER, metrics.CALIBRATION_ERROR)
    whole = [m.compute(label, score, weights) for m in judged]
    monkeypatch.setattr(metrics, "CELLS_AT_ONCE", 1)
    for metric, expected in zip(judged, whole, strict=True):
        np.testing.assert_allclose(metric.compute(label, score, weights), expected, rtol=1e-15)


@pytest.mark.parametrize(
    "metric", [metrics.AUROC, metrics.BRIER, metrics.CALIBRATION_ERROR, metrics.RMSE], ids=lambda m: m.name
)
def test_what_is_prepared_once_gives_the_same_for_any_weights(metric):
    rng = np.random.default_rng(0)
    answers = metrics.Answers((rng.random(30) < 0.4).astype(float), rng.random(30).round(1))
    weighed = metrics.prepared(metric, answers)
    for weights in (rng.integers(0, 3, (4, 30)), rng.integers(0, 9, (2, 30), dtype=np.int32), rng.random((3, 30))):
        expected = metric.compute(answers.label, answers.prediction, weights)
        np.testing.assert_allclose(weighed(weights), expected, rtol=1e-15)


def test_a_metric_of_ones_own_is_asked_with_the_rows_each_time():
    own = Metric("own", True, lambda label, said, weights: weights @ (label * said))
    answers = metrics.Answers(np.arange(3.0), np.ones(3))
    assert metrics.prepared(own, answers)(np.array([[1, 2, 3], [0, 0, 1]])).tolist() == [8, 2]
    assert metrics.value_of(own, answers) == 3


def test_groups_of_rows_are_weighed_as_their_rows():
    rng = np.random.default_rng(0)
    answers, unit = metrics.Answers(rng.random(20), rng.random(20)), np.arange(20) % 6
    weights = rng.integers(0, 3, (5, 6))
    for metric in (metrics.RMSE, metrics.CALIBRATION_ERROR):
        expected = metric.compute(answers.label, answers.prediction, weights[:, unit])
        np.testing.assert_allclose(metric.compute.by_unit(answers, unit)(weights), expected, rtol=1e-12)


def test_a_certain_but_wrong_prediction_has_a_finite_log_loss():
    assert np.isfinite(metrics.value(metrics.LOG_LOSS, np.array([1.0]), np.array([0.0])))


def test_a_ranking_metric_refuses_several_classes_and_names_those_that_do():
    with pytest.raises(InvalidPrediction, match=r"shape \(2, 3\).*accuracy, log_loss"):
        metrics.value(metrics.AUROC, np.array([0.0, 1.0]), np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("number", "arguments", "expected"),
    [
        (0.61249, {}, "0.612"),
        (14.2, {"unit": "minutes"}, "14.200 minutes"),
        (6301.0, {}, "6,301.000"),
        (0.00004, {}, "0.00004"),
        (0.57996, {"apart_from": 0.58}, "0.57996"),
        (0.58, {"apart_from": 0.58}, "0.580"),
        (0.0, {}, "0.000"),
        (-1e-17, {}, "0.000"),
        (float("nan"), {}, "undefined"),
    ],
)
def test_numbers_are_written_with_as_many_decimals_as_they_need(number, arguments, expected):
    assert metrics.written(number, **arguments) == expected
