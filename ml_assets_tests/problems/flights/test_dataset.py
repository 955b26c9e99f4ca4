from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import UnreadableFile
from ml_assets_tests.problems.flights.landing import few_days, landed, load, month_of_flights

JUNE = "2013-06"
FLIGHTS, WEATHER = f"flights/{JUNE}.parquet", f"weather/{JUNE}.parquet"


def _flight(data: pd.DataFrame, flight_id: str) -> pd.Series:
    return data[data["flight_id"] == flight_id].iloc[0]


def test_a_flight_has_its_instants_in_utc():
    flight = _flight(month_of_flights("2013-01"), "2013-01-01 UA1545 EWR")  # 05:15 to Houston: left 05:17, there 08:30

    assert flight["scheduled_departure"] == pd.Timestamp("2013-01-01T10:15Z")
    assert flight["asked_at"] == pd.Timestamp("2013-01-01T08:15Z")
    assert flight["departed_at"] == pd.Timestamp("2013-01-01T10:17Z")
    assert flight["landed_at"] == pd.Timestamp("2013-01-01T14:30Z")


@pytest.mark.parametrize("month", ["2013-03", "2013-11"], ids=["clocks go forward", "clocks go back"])
def test_instants_read_as_the_published_local_times_also_when_the_clocks_change(month):
    data = month_of_flights(month)
    departed = data.dropna(subset="departed_at")
    east = data[data["landed_at"].notna() & data["dest"].isin(["BOS", "MIA", "ATL", "DCA"])]

    assert (_clock(data["scheduled_departure"]) == data["sched_dep_time"]).all()
    assert (_clock(departed["departed_at"]) == departed["dep_time"] % 2400).all()
    assert (_clock(east["landed_at"]) == east["arr_time"] % 2400).all()


def _clock(instants: pd.Series) -> pd.Series:
    local = instants.dt.tz_convert("America/New_York").dt
    return local.hour * 100 + local.minute


@pytest.mark.parametrize(
    ("dest", "zone"),
    [
        ("LAX", "America/Los_Angeles"),
        ("HNL", "Pacific/Honolulu"),
        ("SJU", "America/Puerto_Rico"),
        ("PHX", "America/Phoenix"),
    ],
)
def test_landing_reads_as_the_published_arrival_in_the_destinations_time(dest, zone):
    data = month_of_flights(JUNE)
    there = data[(data["dest"] == dest) & data["landed_at"].notna()]
    local = there["landed_at"].dt.tz_convert(zone).dt

    assert len(there) > 10
    assert (local.hour * 100 + local.minute == there["arr_time"] % 2400).all()


def test_no_flight_counts_as_landed_before_its_time_in_the_air_is_over():
    data = month_of_flights(JUNE).dropna(subset="landed_at")
    airborne = data["departed_at"] + pd.to_timedelta(data["air_time"], unit="m")

    assert (data["landed_at"] > airborne).all()


def test_late_is_fifteen_minutes_or_more_and_unknown_for_cancelled_and_diverted_flights():
    little = few_days(JUNE, 24, 24)
    flights = little.files[FLIGHTS].copy()
    flights.loc[:3, "arr_delay"] = [14.0, 15.0, -20.0, np.nan]

    data = load(little.changed(FLIGHTS, flights), JUNE).set_index("flight_id")

    ids = ["2013-06-24 " + f"{row.carrier}{row.flight} {row.origin}" for row in flights.loc[:3].itertuples()]
    assert data["late"][ids].tolist()[:3] == [0.0, 1.0, 0.0]
    assert np.isnan(data["late"][ids[3]])
    assert pd.isna(data["landed_at"][ids[3]])


def test_weather_is_the_newest_whose_hour_had_ended_two_hours_before_departure():
    little = few_days(JUNE, 24, 24)
    observed = little.files[WEATHER].assign(hour_began=lambda w: pd.to_datetime(w["time_hour"]))

    for flight in load(little, JUNE).sample(20, random_state=1).itertuples():
        here = observed[observed["origin"] == flight.origin]
        newest = here[here["hour_began"] + pd.Timedelta(hours=1) <= flight.asked_at].iloc[-1]
        assert flight.temp == newest["temp"]
        assert flight.weather_known_at == newest["hour_began"] + pd.Timedelta(hours=1)


def test_weather_older_than_six_hours_is_missing():
    little = few_days(JUNE, 24, 24)
    weather = little.files[WEATHER]
    until_dawn = weather[pd.to_datetime(weather["time_hour"]) < pd.Timestamp("2013-06-24T09:00Z")]

    data = load(little.changed(WEATHER, until_dawn), JUNE)

    old = data["asked_at"] > pd.Timestamp("2013-06-24T15:00Z")
    assert data["temp"].isna().equals(old)


def test_wind_that_cannot_be_is_missing():
    weather = landed("2013-02").files["weather/2013-02.parquet"]

    assert weather["wind_speed"].max() > 1000
    assert month_of_flights("2013-02")["wind_speed"].max() < 60


def test_the_months_first_flights_have_weather_from_the_day_before():
    first = month_of_flights(JUNE).iloc[:3]

    assert first["temp"].notna().all()


def test_an_aircraft_listed_twice_does_not_double_its_flights():
    little = few_days(JUNE, 24, 24)
    twice = pd.concat([little.files["flights/planes.parquet"]] * 2)

    assert len(load(little.changed("flights/planes.parquet", twice), JUNE)) == len(load(little, JUNE))


def test_a_column_nobody_asked_for_is_left_out():
    little = few_days(JUNE, 24, 24)
    wider = little.files[FLIGHTS].assign(gate="A1")

    pd.testing.assert_frame_equal(load(little.changed(FLIGHTS, wider), JUNE), load(little, JUNE))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        (FLIGHTS, "arr_delay"),
        (WEATHER, "temp"),
        ("flights/planes.parquet", "seats"),
        ("flights/airports.parquet", "tzone"),
    ],
)
def test_a_file_that_lacks_a_column_is_named_with_it(name, column):
    little = few_days(JUNE, 24, 24)

    with pytest.raises(
        UnreadableFile, match=rf"{name.partition('/')[2]} lacks the columns {column}; it has .*Land the file"
    ):
        load(little.changed(name, little.files[name].drop(columns=column)), JUNE)


def test_a_column_of_another_type_is_named():
    little = few_days(JUNE, 24, 24)
    worded = little.files[FLIGHTS].assign(dep_delay="two minutes")

    with pytest.raises(UnreadableFile, match=rf"{JUNE}.parquet: column dep_delay does not hold float64: .*two minutes"):
        load(little.changed(FLIGHTS, worded), JUNE)


def test_flights_of_another_month_are_refused():
    may = few_days("2013-05", 1, 1).files["flights/2013-05.parquet"]

    with pytest.raises(UnreadableFile, match=rf"{JUNE}.parquet holds {len(may)} flights of 2013-05"):
        load(few_days(JUNE, 24, 24).changed(FLIGHTS, may), JUNE)


def test_a_destination_without_a_time_zone_is_named():
    little = few_days(JUNE, 24, 24)
    airports = little.files["flights/airports.parquet"]

    with pytest.raises(UnreadableFile, match=r"no time zone for SJU, where .* flights go.*tzone"):
        load(little.changed("flights/airports.parquet", airports[airports["faa"] != "SJU"]), JUNE)
