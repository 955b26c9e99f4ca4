from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from ml_assets.errors import InvalidPrediction
from ml_assets.evaluation.judge import judge
from ml_assets.evaluation.metrics import AUROC, MAE, RMSE, value
from ml_assets.evaluation.percentiles import COVERAGE, PERCENTILES, PINBALL_LOSS
from ml_assets.evaluation.scored_rows import points_of, scored_rows, values_of
from ml_assets.problem import Better
from ml_assets_tests.evaluation.toy import toy_problem, toy_rows

RNG = np.random.default_rng(0)
MINUTES = RNG.normal(5, 20, 400)
SAID = RNG.normal(5, 5, 400)
ANSWER = np.column_stack([SAID, SAID - 25, SAID + 30])


def _problem(**changes):
    return toy_problem(task="regression", metrics=(PINBALL_LOSS, MAE, COVERAGE), promote_when=Better(MAE), **changes)


def test_coverage_is_the_share_of_labels_in_the_interval_bounds_included():
    label = np.array([0.0, 1.0, 2.0, 2.5])
    answer = np.tile([1.5, 1.0, 2.0], (4, 1))

    assert value(COVERAGE, label, answer) == 0.5


def test_pinball_loss_is_the_mean_of_scikit_learn_s_over_the_three_percentiles():
    each = [sk.mean_pinball_loss(MINUTES, said, alpha=at) for said, at in zip(ANSWER.T, PERCENTILES, strict=True)]

    assert value(PINBALL_LOSS, MINUTES, ANSWER) == pytest.approx(np.mean(each), rel=1e-12)


def test_a_resample_that_counts_a_row_twice_is_the_metric_of_that_row_twice():
    weights = RNG.integers(0, 3, (1, 400))
    repeated = np.repeat(np.arange(400), weights[0])

    for metric in (COVERAGE, PINBALL_LOSS):
        assert metric.compute(MINUTES, ANSWER, weights)[0] == pytest.approx(
            value(metric, MINUTES[repeated], ANSWER[repeated])
        )


def test_metrics_of_values_judge_the_value_of_an_answer_with_intervals():
    for metric in (MAE, RMSE):
        assert value(metric, MINUTES, ANSWER) == value(metric, MINUTES, SAID)


def test_an_answer_without_intervals_has_no_coverage_and_the_error_says_what_to_return():
    with pytest.raises(InvalidPrediction, match=r"shape \(400,\).*10th and the 90th percentile.*\(n, 3\).*mae"):
        value(COVERAGE, MINUTES, SAID)


def test_a_ranking_metric_still_refuses_three_columns():
    with pytest.raises(InvalidPrediction, match="ranks one score per row"):
        value(AUROC, MINUTES > 0, ANSWER)


def test_scored_rows_keep_the_interval_in_columns_of_their_own():
    rows = toy_rows(400)
    rows.label[0] = 364.0  # no class that three columns could lack
    scored = scored_rows(_problem(), rows, ANSWER, SAID)

    assert list(scored) == ["entity", "label", "prediction", "prediction_lower", "prediction_upper", "baseline"]
    np.testing.assert_array_equal(values_of(scored), ANSWER)
    np.testing.assert_array_equal(points_of(scored), SAID)
    np.testing.assert_array_equal(values_of(scored, "baseline"), SAID)


def test_bounds_in_another_order_are_refused_with_the_row():
    crossed = ANSWER.copy()
    crossed[7] = [1.0, 2.0, 3.0]

    with pytest.raises(
        InvalidPrediction, match=r"row 7 is 1 in an interval from 2 to 3, as it is of 1 rows.*this order"
    ):
        scored_rows(_problem(), toy_rows(400), crossed)


def test_two_columns_are_refused_and_both_shapes_of_a_regression_are_named():
    with pytest.raises(InvalidPrediction, match=r"expected \(400,\) or, with intervals, \(400, 3\)\. Mend"):
        scored_rows(_problem(), toy_rows(400), ANSWER[:, :2])


def test_an_answer_with_intervals_is_judged_by_all_metrics_beside_its_baseline():
    rows = toy_rows(400)
    wide = np.column_stack([SAID, SAID - 100, SAID + 100])
    narrow = np.column_stack([SAID, SAID - 4, SAID + 1])

    found = judge(_problem(), rows, prediction=narrow, baseline=wide, resamples=20)

    assert found.baseline["coverage"].value == 1
    assert found.model["coverage"].value < 1
    assert found.model["pinball_loss"].value < found.baseline["pinball_loss"].value
    assert found.model["mae"].value == found.baseline["mae"].value
