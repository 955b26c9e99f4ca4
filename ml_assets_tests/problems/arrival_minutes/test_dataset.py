from __future__ import annotations

import pandas as pd

from ml_assets.problems.arrival_minutes import PROBLEM
from ml_assets.problems.flight_delays import PROBLEM as FLIGHT_DELAYS
from ml_assets_tests.problems.arrival_minutes.landing import load
from ml_assets_tests.problems.flights.landing import few_days
from ml_assets_tests.problems.flights.landing import load as load_all

JUNE = "2013-06"
NO_HISTORY = pd.DataFrame()


def test_the_origins_of_a_month_share_out_its_flights_from_the_same_files():
    files = few_days(JUNE, 24, 24)
    all_flights = load_all(files, JUNE)

    parts = {origin: load(files, JUNE, origin) for origin in PROBLEM.partitions.values}

    assert {origin: set(part["origin"]) for origin, part in parts.items()} == {o: {o} for o in ("EWR", "JFK", "LGA")}
    together = pd.concat(parts.values()).sort_values(["scheduled_departure", "flight_id"], ignore_index=True)
    pd.testing.assert_frame_equal(together, all_flights)


def test_a_dataset_is_valid_by_the_schema():
    PROBLEM.schema().validate(load(few_days(JUNE, 24, 24), JUNE, "LGA"))


def test_features_are_those_of_flight_delays_for_the_origin_s_flights_alone():
    data = load(few_days(JUNE, 24, 25), JUNE, "JFK")

    features = PROBLEM.features(NO_HISTORY, data)

    pd.testing.assert_frame_equal(features, FLIGHT_DELAYS.features(NO_HISTORY, data).drop(columns="origin"))
    assert not {"arr_delay", "late", "origin"} & set(features)


def test_an_event_later_than_the_question_changes_no_feature():
    """The property itself is held by flight_delays' tests; here, that nothing was added to its features."""
    data = load(few_days(JUNE, 24, 25), JUNE, "JFK")
    asked = data["asked_at"].iloc[len(data) // 2]
    left, there = data["departed_at"] <= asked, data["landed_at"] <= asked
    other = data.assign(
        departed_at=data["departed_at"].where(left),
        dep_delay=data["dep_delay"].where(left),
        landed_at=data["landed_at"].where(there),
        arr_delay=data["arr_delay"].where(there),
        late=data["late"].where(there),
    )
    until_then = data["asked_at"] <= asked

    before, after = PROBLEM.features(NO_HISTORY, data), PROBLEM.features(NO_HISTORY, other)

    assert not before.equals(after)
    pd.testing.assert_frame_equal(before[until_then], after[until_then], check_exact=True)
