from __future__ import annotations

import numpy as np
import pytest

from ml_assets.errors import InvalidProblem
from ml_assets.evaluation.metrics import ACCURACY
from ml_assets.evaluation.mistakes import mistakes_as_pictures, most_confident
from ml_assets.evaluation.scored_rows import scored_rows
from ml_assets.problem import Better
from ml_assets_tests.evaluation.toy import toy_problem, toy_rows

ROWS = toy_rows(6)  # labels 1 0 0 1 0 0, hours 0 … 5
SAYS_ONE = np.array([0.9, 0.8, 0.1, 0.3, 0.95, 0.6])  # wrong of rows 1, 3, 4 and 5
PROBABILITIES = np.column_stack([1 - SAYS_ONE, SAYS_ONE])


def _drawn(features):
    """One bright pixel per hour of the row."""
    return np.eye(24)[features["hour"].to_numpy()].reshape(-1, 4, 6)


def _problem(picture=_drawn):
    return toy_problem(task="multiclass", metrics=(ACCURACY,), promote_when=Better(ACCURACY), picture=picture)


def test_mistakes_come_in_the_order_of_the_confidence_in_what_was_wrong():
    scored = scored_rows(_problem(), ROWS, PROBABILITIES)

    assert most_confident(scored).tolist() == [4, 1, 3, 5]
    assert most_confident(scored, most=2).tolist() == [4, 1]


def test_each_mistake_is_drawn_from_its_own_features_and_says_what_it_was_taken_for():
    rows = ROWS.rows(np.arange(6))
    rows.label[0] = np.nan  # a row that is not judged moves the others up
    scored = scored_rows(_problem(), rows, PROBABILITIES)

    found = mistakes_as_pictures(_problem(), rows, scored)

    assert found.pictures.reshape(-1, 24).argmax(axis=1).tolist() == [4, 1, 3, 5]
    assert found.label.tolist() == [0, 0, 1, 0]
    assert found.predicted.tolist() == [1, 1, 0, 1]
    assert found.confidence.tolist() == [0.95, 0.8, 0.7, 0.6]
    assert found.total == (4, 5)


def test_a_model_without_mistakes_shows_none():
    right = np.eye(2)[ROWS.label.astype(int)]

    found = mistakes_as_pictures(_problem(), ROWS, scored_rows(_problem(), ROWS, right))

    assert found.pictures.shape == (0, 4, 6)


def test_a_problem_whose_rows_are_no_pictures_shows_none():
    problem = _problem(picture=None)

    assert mistakes_as_pictures(problem, ROWS, scored_rows(problem, ROWS, PROBABILITIES)) is None


def test_a_picture_function_that_returns_something_else_is_refused_by_shape():
    problem = _problem(picture=lambda features: features.to_numpy())

    with pytest.raises(
        InvalidProblem, match=r"'toy': picture\(\) returned int64 \(4, 1\) for 4 rows.*\(4, height, width\)"
    ):
        mistakes_as_pictures(problem, ROWS, scored_rows(problem, ROWS, PROBABILITIES))
