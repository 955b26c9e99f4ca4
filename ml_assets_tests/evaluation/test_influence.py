from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.evaluation.influence import influence
from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, BRIER, Answers

RANKINGS = pytest.mark.parametrize("metric", [AUROC, AVERAGE_PRECISION], ids=lambda metric: metric.name)


@RANKINGS
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), max_size=25))
@settings(max_examples=40, deadline=None)
def test_influence_is_the_derivative_by_the_weight_of_a_row(metric, rows):
    label = np.array([0.0, 1.0, *(float(of) for of, _ in rows)])
    score = np.array([0.3, 0.3, *(at / 10 for _, at in rows)])
    step = 1e-6
    weights = np.ones((2 * len(label), len(label)))
    weights[: len(label)] += step * np.eye(len(label))
    weights[len(label) :] -= step * np.eye(len(label))
    up, down = np.split(metric.compute(label, score, weights), 2)
    np.testing.assert_allclose(influence(metric, Answers(label, score)), (up - down) / (2 * step), atol=1e-7)


@RANKINGS
def test_influences_add_up_to_nothing(metric):
    rng = np.random.default_rng(0)
    label = (rng.random(500) < 0.2).astype(float)
    moved = influence(metric, Answers(label, np.round(rng.random(500) + label / 2, 2)))
    assert moved.sum() == pytest.approx(0, abs=1e-12)


def test_what_is_no_ranking_or_has_one_class_has_no_influence():
    assert influence(BRIER, Answers(np.array([0.0, 1.0]), np.array([0.2, 0.7]))) is None
    assert influence(AUROC, Answers(np.ones(3), np.arange(3.0))) is None
