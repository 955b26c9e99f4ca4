"""The two problems with networks, from landed files to predictions, small and real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ml_assets.feature_group import FeatureGroup
from ml_assets.orchestration.predictions import scored as scored_by
from ml_assets.problem import Problem, RollingWindow
from ml_assets.problems import flights, weather
from ml_assets.problems.arrival_minutes import PROBLEM as ARRIVALS
from ml_assets.problems.arrival_minutes.model import NetworkParams
from ml_assets.problems.digits import PROBLEM as DIGITS
from ml_assets.problems.digits.model import ConvolutionParams
from ml_assets.store import Handle, trust
from ml_assets_tests.doubles.world import World, build
from ml_assets_tests.problems.flights.landing import few_days

SMALL_ARRIVALS = replace(
    ARRIVALS,
    params=NetworkParams(hidden=8, epochs=2),
    split=RollingWindow(partitions=1, test_days=2, validation_days=2),
    minimum_rows=100,
    gates=(),
)
SMALL_DIGITS = replace(DIGITS, params=ConvolutionParams(channels=4, epochs=2), gates=())


@pytest.fixture
def world(tmp_path):
    def of(problem: Problem, files, partition: str, groups: Sequence[FeatureGroup] = ()) -> World:
        for cls in problem.artifact_types:
            trust(cls)
        world = build(tmp_path, [*groups, problem])
        for name, frame in files.items():
            world.landing.write(name, frame)
        for group in groups:
            world.must_run(group, partition.partition("|")[0])
        if not problem.partitions.keys():
            world.instance.add_dynamic_partitions(problem.name, [partition])
        world.must_run(problem, partition)
        return world

    return of


def test_arrivals_are_judged_and_predicted_with_their_intervals(world):
    key = "2013-01|JFK"

    made = world(SMALL_ARRIVALS, few_days("2013-01", 22, 31).files, key, [weather.GROUP, flights.GROUP])

    report = made.load("arrival_minutes/evaluation", key).report
    assert set(report["model"]) == {"pinball_loss", "mae", "coverage"}
    scored = made.load("arrival_minutes/evaluation", key).scored
    assert (scored["prediction_lower"] < scored["prediction_upper"]).all()
    champion = Handle(made.store, made.head("arrival_minutes/model", key), "champion")
    features = Handle(made.store, made.head("arrival_minutes/features", key), "features")
    predicted = next(scored_by(SMALL_ARRIVALS, made.store, features, champion))
    assert [name for name in predicted if name.startswith("prediction")] == [
        "prediction",
        "prediction_lower",
        "prediction_upper",
    ]


def test_digits_of_a_batch_reach_the_predictions_of_their_champion(world):
    batch = "batch-03"

    files = {f"digits/{name}": frame for name, frame in DIGITS.sample_files(batch).items()}
    made = world(SMALL_DIGITS, files, batch)

    predicted = made.load("digits/predictions", batch)
    assert len(predicted) == 300
    assert np.allclose(predicted[[f"prediction_{digit}" for digit in range(10)]].sum(axis=1), 1)
