"""How far two answers are apart, and what is allowed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ml_assets.exports.compare import Comparison, Limit, compare

P = np.array([0.1, 0.5, 0.9])


def test_equal_bits_are_equal_and_minus_zero_is_not_zero():
    assert compare("binary", P, P.copy()) == Comparison(3, 0.0, 0.0, 0, True)
    assert not compare("regression", np.array([0.0]), np.array([-0.0])).equal


def test_a_label_flips_where_a_probability_crosses_one_half():
    found = compare("binary", P, P - 1e-9)

    assert (found.flipped, found.largest) == (1, pytest.approx(1e-9))


def test_a_label_flips_where_another_class_is_the_most_probable():
    found = compare(
        "multiclass", np.array([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]]), np.array([[0.4, 0.6, 0.0], [0.0, 0.2, 0.8]])
    )

    assert (found.flipped, found.largest) == (1, pytest.approx(0.1))


def test_values_are_apart_by_a_fraction_of_their_range():
    found = compare("regression", np.array([2000.0, 2010.0]), np.array([2000.0, 2011.0]))

    assert (found.largest, found.apart, found.flipped) == (1.0, pytest.approx(0.1), None)


@pytest.mark.parametrize("other", [np.array([0.1, np.nan, 0.9]), np.array([0.1, 0.5]), np.array([0.1, np.inf, 0.9])])
def test_what_is_no_number_or_of_another_shape_is_infinitely_far(other: np.ndarray):
    found = compare("binary", P, other)

    assert found.apart == np.inf
    assert not found.is_within(Limit(0.9, 3))
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["apart"] == "inf"


def test_what_the_source_does_not_know_either_is_the_same():
    assert compare("regression", np.array([np.nan, 1.0]), np.array([np.nan, 1.0])).largest == 0


@pytest.mark.parametrize(
    ("limit", "is_within"),
    [
        (Limit(None), False),
        (Limit(1e-10), False),
        (Limit(1e-6), False),
        (Limit(1e-6, 1), True),
        (Limit(1e-10, 1), False),
    ],
)
def test_both_the_difference_and_the_flips_have_a_limit(limit: Limit, is_within: bool):
    assert compare("binary", P, P - 1e-9).is_within(limit) is is_within


def test_no_rows_are_equal():
    assert compare("binary", P[:0], P[:0]) == Comparison(0, 0.0, 0.0, 0, True)
