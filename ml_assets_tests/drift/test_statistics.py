"""Our PSI beside an independent formulation: the sum of both relative entropies, by SciPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy

from ml_assets.drift.statistics import (
    MOST_ROWS,
    categorical_stability_index,
    drift_of_features,
    population_stability_index,
    sampled,
    stability,
)
from ml_assets.errors import EmptySample
from ml_assets.problem import FeatureTable

RNG = np.random.default_rng(0)
REFERENCE = RNG.normal(size=5_000)


def both_entropies(reference: list[int], current: list[int]) -> float:
    """Jeffreys divergence of smoothed counts."""
    r, c = (np.asarray(counts) + 0.5 for counts in (reference, current))
    return float(entropy(c, r) + entropy(r, c))  # SciPy normalizes


@pytest.mark.parametrize("shift", [0.0, 0.3, 2.0])
def test_the_index_is_the_sum_of_both_relative_entropies_over_the_references_deciles(shift):
    current = RNG.normal(shift, size=3_000)
    edges = np.quantile(REFERENCE, np.linspace(0, 1, 11))
    edges[[0, -1]] = -np.inf, np.inf
    counts = [np.histogram(values, edges)[0] for values in (REFERENCE, current)]
    assert population_stability_index(REFERENCE, current) == pytest.approx(both_entropies(*counts), rel=0.02)


def test_the_same_sample_has_not_moved_and_a_shifted_one_has_by_convention():
    assert population_stability_index(REFERENCE, REFERENCE) == 0
    assert population_stability_index(REFERENCE, RNG.normal(size=5_000)) < 0.1
    assert population_stability_index(REFERENCE, RNG.normal(1, size=5_000)) > 0.25


def test_whole_numbers_are_binned_by_value():
    reference, current = np.repeat([0.0, 1.0], [70, 30]), np.repeat([0.0, 1.0], [30, 70])
    assert population_stability_index(reference, current) == pytest.approx(both_entropies([70, 30], [30, 70]))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95], ids="{:.0%} true".format)
def test_a_flag_that_turns_has_moved_whichever_way_it_turns(share):
    reference, current = np.arange(200) < 200 * share, np.arange(200) >= 200 * share
    counts = [[int((~values).sum()), int(values.sum())] for values in (reference, current)]
    (found,) = drift_of_features(pd.DataFrame({"flag": reference}), pd.DataFrame({"flag": current}))
    assert found == ("flag", pytest.approx(both_entropies(*counts)))


@pytest.mark.parametrize("now", [3.0, 5.0, 7.0])
def test_a_constant_has_moved_where_it_is_another_one(now):
    assert (population_stability_index(np.full(100, 5.0), np.full(100, now)) > 0.25) is (now != 5)


def test_what_many_rows_share_is_told_from_what_lies_below_it():
    reference, current = np.repeat([1.0, 2.0, 3.0], [5, 90, 5]), np.repeat([1.0, 2.0, 3.0], [90, 5, 5])
    assert population_stability_index(reference, current) == pytest.approx(both_entropies([5, 90, 5], [90, 5, 5]))


def test_missing_values_are_a_bin_of_their_own():
    reference, current = np.repeat([1.0, np.nan], [90, 10]), np.repeat([1.0, np.nan], [50, 50])
    assert population_stability_index(reference, current) == pytest.approx(both_entropies([90, 10], [50, 50]))
    nothing = np.full(10, np.nan)
    assert population_stability_index(nothing, nothing) == 0
    assert population_stability_index(nothing, np.ones(10)) > 0.25


def test_a_value_beyond_all_of_the_reference_is_finite_and_large():
    assert 0.25 < population_stability_index(np.zeros(100), np.ones(100)) < np.inf


def test_categories_are_compared_by_value_and_new_and_missing_ones_have_bins():
    reference = pd.Series(["a"] * 60 + ["b"] * 40)
    current = pd.Series(["a"] * 30 + ["b"] * 30 + ["new"] * 20 + [None] * 20)
    assert categorical_stability_index(reference, current) == pytest.approx(
        both_entropies([60, 40, 0, 0], [30, 30, 20, 20])
    )
    assert categorical_stability_index(reference, reference.astype("category")) == 0
    never = reference.astype(pd.CategoricalDtype(["a", "b", "x", "y"]))
    news = pd.Series(["x", "y"]).astype(never.dtype)
    assert categorical_stability_index(never, news) == pytest.approx(both_entropies([60, 40, 0], [0, 0, 2]))


def test_rare_categories_share_a_bin():
    """Thousands of values that occur once would drift by chance alone."""
    reference = pd.Series([f"common {n % 50}" for n in range(5_000)] + [f"rare {n}" for n in range(1_000)])
    assert categorical_stability_index(reference, reference.sample(frac=0.5, random_state=0)) < 0.1


@pytest.mark.parametrize(("reference", "current"), [([], [1.0]), ([1.0], []), ([], [])])
def test_nothing_cannot_be_compared(reference, current):
    said = f"{len(reference)} reference and {len(current)} current values cannot be compared"
    with pytest.raises(EmptySample, match=said):
        population_stability_index(np.array(reference, dtype=float), np.array(current, dtype=float))
    with pytest.raises(EmptySample, match=said):
        categorical_stability_index(pd.Series(reference, dtype=object), pd.Series(current, dtype=object))


def test_every_feature_is_measured_as_its_type_asks_most_drifted_first():
    day = pd.Timestamp("2024-01-01", tz="UTC")
    reference = pd.DataFrame(
        {
            "steady": np.arange(200.0),
            "flag": np.arange(200) % 2 == 0,
            "count": pd.array([1, 2, 3, None] * 50, dtype="Int64"),
            "shop": ["east", "west"] * 100,
            "at": day + pd.to_timedelta(np.arange(200), unit="h"),
        }
    )
    current = reference.assign(shop="east", at=reference["at"] + pd.Timedelta(days=400))
    found = drift_of_features(reference, current)
    assert [name for name, _ in found] == ["at", "shop", "count", "flag", "steady"]
    assert dict(found)["shop"] == pytest.approx(both_entropies([100, 100], [200, 0]))
    assert {index for name, index in found if name in ("steady", "flag", "count")} == {0.0}


@pytest.mark.parametrize(
    "dtype", ["Int64", "boolean", "Float64", "datetime64[us]", "datetime64[us, UTC]", "timedelta64[ns]"]
)
def test_nullable_columns_and_times_of_any_year_are_measured(dtype):
    values = ["9999-12-31", "0001-01-01", None] if dtype.startswith("datetime") else [1, 0, None]
    column = pd.Series(values * 50, dtype=dtype)
    assert drift_of_features(pd.DataFrame({"x": column}), pd.DataFrame({"x": column})) == (("x", 0.0),)
    assert drift_of_features(pd.DataFrame({"x": column}), pd.DataFrame({"x": column.dropna()}))[0][1] > 0.25


@pytest.mark.parametrize("rows", [10, MOST_ROWS + 10])
def test_the_rows_that_are_looked_at_say_what_all_of_them_say(rows):
    rng = np.random.default_rng(0)
    before, after = (pd.DataFrame({"x": rng.normal(size=n)}) for n in (rows, 500))
    table = sampled(FeatureTable(before[[]], before, np.zeros(rows)))
    assert len(table) == min(rows, MOST_ROWS)
    assert drift_of_features(table.features, after) == drift_of_features(before, after)


@pytest.mark.parametrize("effect", [0.0, 0.7], ids=["rows are independent", "days differ"])
def test_beyond_chance_the_index_of_what_did_not_move_is_nothing_on_average(effect):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(150):
        days = [rng.normal(effect * rng.normal(), 1, size=50) for _ in range(70)]
        unit = np.repeat(np.arange(50), 50)
        found.append(stability(pd.Series(np.concatenate(days[:50])), pd.Series(np.concatenate(days[50:])), unit))
    chance, raw = np.mean([one.by_chance for one in found]), np.mean([one.index for one in found])
    error = np.std([one.index for one in found]) / np.sqrt(len(found))
    assert np.mean([one.beyond_chance for one in found]) == pytest.approx(0, abs=max(3 * error, 0.15 * chance))
    of_rows = 9 * (1 / 2_500 + 1 / 1_000)
    assert raw == pytest.approx(of_rows, rel=0.15) if effect == 0 else raw > 3 * of_rows


def test_chance_of_rows_is_what_is_known_of_the_index_at_small_samples():
    reference, current = pd.Series(RNG.normal(size=800)), pd.Series(RNG.normal(size=300))
    assert stability(reference, current).by_chance == pytest.approx(9 * (1 / 800 + 1 / 300), rel=0.02)
