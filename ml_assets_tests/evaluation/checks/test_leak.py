from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.evaluation.checks import no_single_feature_predicts_too_well
from ml_assets.problem import FeatureTable

N = 2000
RNG = np.random.default_rng(0)
LATE = (RNG.random(N) < 0.2).astype(float)
MINUTES = RNG.exponential(10, N)
DIGIT = RNG.integers(0, 10, N).astype(float)
NOISE = RNG.random(N)


def look(label, task, limit=0.95, **features):
    table = FeatureTable(pd.DataFrame(index=range(len(label))), pd.DataFrame(features), label)
    return no_single_feature_predicts_too_well(table, task, limit)


def test_honest_features_pass_and_the_strongest_is_named():
    weak = LATE * 0.3 + NOISE
    found = look(LATE, "binary", noise=NOISE, weak=weak, tail=[f"N{i}" for i in range(N)], constant=np.ones(N))
    assert found.passed
    assert "the strongest is weak with 0." in found.description
    assert found.metadata["strongest"]["noise"] == pytest.approx(0.5, abs=0.1)
    assert found.metadata["strongest"]["tail"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("task", "label", "leak"),
    [
        ("binary", LATE, LATE + 0.01 * NOISE),
        ("binary", LATE, -LATE),
        ("binary", LATE, LATE == 1),
        ("binary", LATE, np.where(LATE == 1, np.nan, NOISE)),
        ("binary", LATE, np.where(LATE == 0, np.nan, NOISE)),
        ("binary", LATE, np.where(LATE == 1, np.where(NOISE < 0.5, -9.0, 9.0) + NOISE, NOISE)),
        ("binary", LATE, np.where(LATE == 1, "arrived late", "on time")),
        ("binary", LATE, np.where(LATE == 1, None, "paid")),
        ("binary", LATE, pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(LATE * 10 + NOISE, unit="h")),
        ("regression", MINUTES, -np.sqrt(MINUTES)),
        ("regression", MINUTES, (MINUTES - 100) ** 2 + NOISE),
        ("multiclass", DIGIT, DIGIT),
        ("multiclass", DIGIT, [f"digit {k:g}" for k in DIGIT]),
    ],
    ids=[
        "copy with noise", "inverted", "boolean", "missing when late", "missing when on time", "both extremes", "words",
        "missing word", "time", "monotone", "decreasing", "class number", "class word",
    ],
)  # fmt: skip
def test_a_feature_that_is_the_answer_in_disguise_is_found(task, label, leak):
    found = look(label, task, leak=leak, noise=NOISE)
    assert (found.name, found.passed, found.blocking) == ("leak", False, True)
    assert found.description.startswith("Features that alone tell the label with a strength of 0.95 or more: leak (")
    assert "noise" not in found.description


@pytest.mark.parametrize(("task", "label"), [("regression", MINUTES), ("multiclass", DIGIT)])
def test_noise_tells_nothing_whatever_the_task(task, label):
    found = look(label, task, noise=NOISE, code=RNG.integers(0, 500, N).astype(str))
    assert found.passed
    assert max(found.metadata["strongest"].values()) < 0.2


def test_a_rare_outcome_is_found_behind_one_rare_value():
    rare = (np.arange(N) % 200 == 0).astype(float)
    assert not look(rare, "binary", leak=np.where(rare == 1, 0.5, (np.arange(N) % 2).astype(float))).passed


def test_of_many_rows_a_sample_is_looked_at_and_rows_without_a_label_are_not():
    label = np.where(np.arange(50_000) % 2 == 0, np.nan, np.arange(50_000) % 3 == 0)
    found = look(label, "binary", noise=np.arange(50_000) % 7)
    assert found.metadata["rows"] == 20_000
    assert found == look(label, "binary", noise=np.arange(50_000) % 7)


@pytest.mark.parametrize("label", [LATE[:40], np.ones(100), np.full(100, np.nan)], ids=["few", "one class", "none"])
def test_nothing_is_looked_for_where_chance_would_look_like_a_leak(label):
    found = look(label, "binary", copy=label)
    assert found.passed
    assert found.description.startswith("Not looked for")


LEVEL = np.cumsum(RNG.normal(size=N))
"""A series that persists: yesterday's level tells today's, and was known yesterday."""


@pytest.mark.parametrize(
    ("task", "label", "feature"),
    [
        ("regression", LEVEL[1:], LEVEL[:-1]),
        ("binary", (LEVEL[1:] > np.median(LEVEL)).astype(float), LEVEL[:-1]),
        ("multiclass", np.digitize(LEVEL[1:], np.quantile(LEVEL, [0.33, 0.67])).astype(float), LEVEL[:-1]),
    ],
    ids=["regression", "binary", "multiclass"],
)
def test_a_series_that_persists_passes_where_the_problem_allows_such_strength(task, label, feature):
    strict, lenient = look(label, task, 0.9, before=feature), look(label, task, 1.0, before=feature)
    assert (strict.passed, strict.blocking) == (False, True)
    assert "raise leak_strength or waive the check" in strict.description
    assert (lenient.passed, lenient.metadata["limit"]) == (True, 1.0)
