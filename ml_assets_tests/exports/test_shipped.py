"""The problems that ship, in each format."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ml_assets.artifacts import trust_all
from ml_assets.exports import FORMATS, LIMITS, export
from ml_assets.problem import FeatureTable, Problem
from ml_assets.problems import arrival_minutes, digits, flight_delays
from ml_assets.problems.arrival_minutes.model import NetworkParams
from ml_assets.problems.digits.model import ConvolutionParams
from ml_assets.problems.flight_delays.model import HistGBParams
from ml_assets.training.rows import feature_table
from ml_assets_tests.doubles import parcels
from ml_assets_tests.problems.arrival_minutes.landing import few_tables
from ml_assets_tests.problems.digits.landing import cut
from ml_assets_tests.problems.flights.landing import few_days, load


def delays() -> tuple[Problem, FeatureTable]:
    table = feature_table(flight_delays.PROBLEM, [], load(few_days("2013-06", 23, 26), "2013-06"))
    labelled = table.rows(~np.isnan(table.label))
    return replace(flight_delays.PROBLEM, params=HistGBParams(max_iter=12, min_samples_leaf=20)), labelled


def arrivals() -> tuple[Problem, FeatureTable]:
    data, _ = few_tables()
    return replace(arrival_minutes.PROBLEM, params=NetworkParams(hidden=16, epochs=2, batch_rows=64)), data.train


def pictures() -> tuple[Problem, FeatureTable]:
    data, _ = cut("batch-01")
    return replace(digits.PROBLEM, params=ConvolutionParams(channels=8, epochs=4)), data.train


LARGEST = {"flight_delays": 1e-15}
SHIPPED = {"flight_delays": delays, "arrival_minutes": arrivals, "digits": pictures}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", SHIPPED)
def test_its_model_leaves(name: str, form: Any, store: Any, tmp_path: Any):
    problem, table = SHIPPED[name]()
    trust_all([problem])
    key = parcels.publish(store, problem, table)

    exported = export(store, problem, key, tmp_path / "out", form=form, limit=LIMITS[form])

    print(f"{name} as {form}: {exported.comparison.in_words}")
    assert exported.comparison.equal or (form == "onnx" and exported.comparison.apart < LARGEST.get(name, 1e-6))
    assert exported.comparison.rows > 50
