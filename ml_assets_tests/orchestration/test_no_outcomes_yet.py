"""Files land before their outcomes are known: the next month's schedule. It is predicted, and trains nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.promotion.ledger import Ledger
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.world import World, build, why

MONTH = "2024-02"
FILE = f"umbrellas/visits/{MONTH}.parquet"
TRAINING = ("split", "model", "evaluation", "champion", "report")


@pytest.fixture
def served(january) -> World:
    """A champion is known, and the next month has landed without outcomes."""
    january.landing.write(FILE, umbrellas.visits(MONTH).assign(bought=np.nan))
    return january


def steps(result, kind: str) -> set[str]:
    return {event.step_key.partition("__")[2] for event in result.all_events if event.event_type_value == kind}


def test_a_month_without_outcomes_is_predicted_and_trains_nothing(served):
    result = served.must_run(umbrellas.PROBLEM, MONTH)

    champion = Ledger.of(served.store, umbrellas.PROBLEM, None).current().model
    predictions = served.load("umbrellas/predictions", MONTH)
    assert list(predictions["visit"]) == list(umbrellas.visits(MONTH)["visit"])
    assert set(predictions["model_version"]) == {champion.version}
    assert [served.store.head(f"umbrellas/{noun}", MONTH) for noun in TRAINING] == [None] * len(TRAINING)
    assert steps(result, "STEP_SKIPPED") == {"model", "evaluation", "champion", "report"}
    assert steps(result, "ASSET_MATERIALIZATION") == {"dataset", "features", "predictions", "monitoring"}
    said = [entry.user_message for entry in served.instance.all_logs(result.run_id)]
    assert any(
        line.startswith(f"{MONTH} has no known labels yet: nothing to train or judge. Land the outcomes")
        for line in said
    )


def test_that_no_outcome_is_known_is_told_and_blocks_nothing(served):
    served.must_run(umbrellas.PROBLEM, MONTH)
    checks = {check.name: check for check in served.manifest("umbrellas/dataset", MONTH).checks}
    assert checks["labels"].passed
    assert (checks["labelled"].passed, checks["labelled"].blocking) == (False, False)
    assert "None of 400 rows has a label" in checks["labelled"].description


def test_once_the_outcomes_land_everything_is_made(served):
    served.must_run(umbrellas.PROBLEM, MONTH)
    early = served.load("umbrellas/predictions", MONTH)
    served.landing.write(FILE, umbrellas.visits(MONTH))
    served.must_run(umbrellas.PROBLEM, MONTH)
    assert all(served.store.head(f"umbrellas/{noun}", MONTH) for noun in TRAINING)
    pd.testing.assert_frame_equal(served.load("umbrellas/predictions", MONTH), early)


def test_some_labels_but_too_few_are_an_error_and_not_skipped(served):
    few = umbrellas.visits(MONTH)
    few.loc[10:, "bought"] = np.nan
    served.landing.write(FILE, few)
    result = served.run(umbrellas.PROBLEM, MONTH)
    (failed,) = result.get_step_failure_events()
    assert "UnusableSplit" in why(failed)
    assert "0 to judge" in why(failed)


def test_a_training_that_fails_does_not_keep_the_champion_from_serving(served):
    def broken(data, params, run):
        raise ValueError("no convergence")

    served.landing.write(FILE, umbrellas.visits(MONTH))
    problem = replace(umbrellas.PROBLEM, train=broken)
    result = served.with_problems([problem]).run(problem, MONTH)
    assert steps(result, "STEP_FAILURE") == {"model"}
    assert len(served.load("umbrellas/predictions", MONTH)) == 400


def test_where_partitions_have_no_order_the_present_champion_predicts_what_has_no_outcomes(world):
    world.must_run(ice_cream.PROBLEM, "north")
    champion, split = (world.head(f"ice_cream/{noun}", "north") for noun in ("model", "split"))
    world.landing.write("ice_cream/north.parquet", ice_cream.sales("north", days=300).assign(cones=np.nan))
    world.must_run(ice_cream.PROBLEM, "north")
    predictions = world.load("ice_cream/predictions", "north")
    assert (len(predictions), set(predictions["model_version"])) == (300, {champion.version})
    assert world.head("ice_cream/split", "north") == split, "what was trained before stays"


def test_checks_that_only_inform_keep_nothing_waiting(world):
    graph = world.definitions.resolve_asset_graph()
    informing = {key.name for key in graph.asset_check_keys if not graph.get_check_spec(key).blocking}
    of_monitoring = {"inputs_hold", "values_known", "scores_hold", "estimate_holds", "performance_holds"}
    assert informing == {"labelled", "dated", "window_complete", "gates", "served", "no_regret", *of_monitoring}


@pytest.fixture(scope="module")
def flights_made(tmp_path_factory) -> World:
    """A month of real flights, made. Not to be changed by tests."""
    from ml_assets_tests.problems.flights.landing import landed

    world = build(tmp_path_factory.mktemp("flights"), flight_problems())
    run(world, "2013-01", landed("2013-01").files, flight_problems())
    return world


def flight_problems():
    from ml_assets.problems import flights, weather
    from ml_assets.problems.flight_delays import PROBLEM

    return [weather.GROUP, flights.GROUP, PROBLEM]


@pytest.mark.slow
@pytest.mark.parametrize("observed_on", ["none", "first day"])
def test_the_schedule_of_next_months_flights_is_predicted(flights_made, tmp_path, observed_on):
    """Delays, times and weather of the future are unknown; so is, for most flights, the aircraft."""
    from ml_assets_tests.problems.flights.landing import landed

    world = flights_made.copied_to(tmp_path / "february", flight_problems())
    files = dict(landed("2013-02").files)
    outcomes = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum"]
    files["flights/2013-02.parquet"] = files["flights/2013-02.parquet"].assign(**dict.fromkeys(outcomes, None))
    observed = files["weather/2013-02.parquet"]
    known = observed["day"] == 1 if observed_on == "first day" else observed["day"] == 0
    files["weather/2013-02.parquet"] = observed[known].reset_index(drop=True)

    run(world, "2013-02", files, flight_problems())

    sound = {check.name: check for check in world.manifest("flight_delays/features", "2013-02").checks}[
        "features_sound"
    ]
    assert (sound.passed, sound.blocking) == (False, False)
    predictions = world.load("flight_delays/predictions", "2013-02")
    assert len(predictions) == len(files["flights/2013-02.parquet"])
    assert predictions["prediction"].between(0, 1).all()
    assert predictions["prediction"].nunique() > 1_000
    assert world.store.head("flight_delays/split", "2013-02") is None


def run(world: World, month: str, files, problems) -> None:
    for name, frame in files.items():
        world.landing.write(name, frame)
    for problem in problems:
        world.must_run(problem, month)
