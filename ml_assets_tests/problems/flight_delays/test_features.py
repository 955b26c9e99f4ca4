from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.problems.flight_delays import PROBLEM
from ml_assets.problems.flight_delays.features import GROUPS
from ml_assets.problems.flight_delays.known import NEVER, Events, group_codes, standing, to_minutes
from ml_assets_tests.problems.flights.landing import few_days, load, month_of_flights

NO_HISTORY = pd.DataFrame()


def _little() -> pd.DataFrame:
    return load(few_days("2013-06", 24, 25), "2013-06")


def test_each_flight_has_one_row_of_features_in_the_same_order():
    data = _little()
    shuffled = data.sample(frac=1, random_state=3)

    features = PROBLEM.features(NO_HISTORY, data)
    of_shuffled = PROBLEM.features(NO_HISTORY, shuffled)

    assert features.index.equals(pd.RangeIndex(len(data)))
    pd.testing.assert_frame_equal(features.loc[shuffled.index].reset_index(drop=True), of_shuffled)


def test_features_are_finite_and_missing_only_for_weather_and_aircraft():
    features = PROBLEM.features(month_of_flights("2013-01"), month_of_flights("2013-02"))
    numbers = features.select_dtypes("number")

    incomplete = set(features.columns[features.isna().any()])

    assert not np.isinf(numbers.to_numpy()).any()
    assert incomplete <= {"plane_year", "plane_seats", "wind_dir", "wind_gust", "wind_speed", "temp", "pressure"}
    assert features.isna().mean().max() < 0.2


def test_types_do_not_depend_on_which_rows_there_are():
    full = PROBLEM.features(month_of_flights("2013-01"), month_of_flights("2013-02"))

    for rows in (month_of_flights("2013-02").iloc[:1], month_of_flights("2013-02").iloc[:0]):
        assert PROBLEM.features(NO_HISTORY, rows).dtypes.equals(full.dtypes)


def test_features_do_not_change_what_they_are_given():
    history, data = month_of_flights("2013-01"), _little()
    copies = history.copy(), data.copy()

    PROBLEM.features(history, data)

    pd.testing.assert_frame_equal(history, copies[0])
    pd.testing.assert_frame_equal(data, copies[1])


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_totals_equal_those_counted_flight_by_flight(group):
    data = _little()
    features = PROBLEM.features(NO_HISTORY, data)
    rows = data.assign(scheduled_hour=data["sched_dep_time"] // 100)

    for position in np.random.default_rng(5).choice(len(data), 25, replace=False):
        asked, flight = rows["asked_at"].iloc[position], rows.iloc[position]
        alike = rows[(rows[list(group.columns)] == flight[list(group.columns)]).all(axis=1)]
        expected = _counted_by_hand(group, alike, asked)
        np.testing.assert_allclose(features.loc[position, list(expected)].astype(float), list(expected.values()))


def _counted_by_hand(group, alike, asked):
    expected = {}
    for at, event, windows in (("departed_at", "departed", group.departed), ("landed_at", "landed", group.landed)):
        for hours in windows:
            within = alike[(alike[at] <= asked) & (alike[at] > asked - pd.Timedelta(hours=hours))]
            name = f"{group.name}_{event}_" + (f"{hours}h" if hours % 24 else f"{hours // 24}d")
            delay = within["dep_delay" if event == "departed" else "arr_delay"].clip(-60, 180)
            expected[name] = len(within)
            expected[f"{name}_delay"] = delay.sum() / (len(within) + 2)
            if event == "landed":
                expected[f"{name}_late"] = within["late"].sum() / (len(within) + 2)
    if group.overdue:
        due = alike[(alike["scheduled_departure"] <= asked) & ~(alike["departed_at"] <= asked)]
        due = due[due["scheduled_departure"] > asked - pd.Timedelta(hours=6)]
        expected[f"{group.name}_overdue"] = len(due)
        expected[f"{group.name}_overdue_minutes"] = (asked - due["scheduled_departure"]).dt.total_seconds().sum() / 60
    return expected


def test_the_first_flights_of_a_month_know_the_last_ones_of_the_month_before():
    history, data = month_of_flights("2013-01"), month_of_flights("2013-02")

    alone = PROBLEM.features(NO_HISTORY, data).iloc[0]
    after_january = PROBLEM.features(history, data).iloc[0]

    asked = data["asked_at"].iloc[0]
    landed = history[(history["origin"] == data["origin"].iloc[0]) & (history["landed_at"] <= asked)]
    recent = landed[landed["landed_at"] > asked - pd.Timedelta(days=1)]
    assert alone["origin_landed_1d"] == 0
    assert after_january["origin_landed_1d"] == len(recent) > 100


def test_what_landed_after_the_month_ended_is_known_only_from_then_on():
    history, data = month_of_flights("2013-01"), month_of_flights("2013-02")
    first_asked = data["asked_at"].iloc[0]
    last = history["landed_at"].idxmax()
    airborne = history.assign(
        landed_at=history["landed_at"].where(history.index != last, first_asked + pd.Timedelta(minutes=1))
    )

    before = PROBLEM.features(history.drop(index=last), data).iloc[0]
    after = PROBLEM.features(airborne, data).iloc[0]

    arrivals = [name for name in before.index if "_landed_" in name]
    pd.testing.assert_series_equal(before[arrivals], after[arrivals])


def test_an_event_counts_from_its_minute_on_until_its_window_ends():
    events = Events.of(np.array([0, 0, 1]), np.array([100, 130, 100]), np.ones((3, 1)))

    known = events.known(np.array([0, 0, 0, 0, 1]), np.array([99, 100, 130, 160, 100]), within=60)

    assert known.ravel().tolist() == [0, 1, 2, 1, 1]


def test_what_never_happened_or_has_no_group_is_no_event():
    events = Events.of(np.array([0, -1]), np.array([NEVER, 100]), np.ones((2, 1)))

    assert events.known(np.array([0, -1]), np.array([200, 200])).ravel().tolist() == [0, 0]


def test_an_interval_stands_from_its_begin_until_its_end():
    waiting = standing(np.array([0, 0]), np.array([100, 110]), np.array([120, 90]))

    known = waiting.known(np.zeros(4, dtype=int), np.array([99, 100, 119, 120]))

    assert known.tolist() == [[0, 0], [1, 100], [1, 100], [0, 0]]


def test_rows_with_a_missing_value_belong_to_no_group():
    rows = pd.DataFrame({"tailnum": ["N1", None, "N2", "N1"], "origin": ["JFK", "JFK", "JFK", "JFK"]})

    codes = group_codes(rows, ("origin", "tailnum"))

    assert codes[0] == codes[3] != codes[2]
    assert codes[1] < 0


def test_instants_become_whole_minutes_and_what_never_happened_is_marked():
    instants = pd.Series(pd.to_datetime(["1970-01-01T01:01Z", None])).dt.as_unit("us")

    assert to_minutes(instants).tolist() == [61, NEVER]
