"""The promise that matters most: nothing that happened after the question was asked reaches a feature."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ml_assets.problems.flight_delays import PROBLEM
from ml_assets_tests.problems.flights.landing import Landed, few_days, load

MONTH = "2013-06"
FLIGHTS, WEATHER = f"flights/{MONTH}.parquet", f"weather/{MONTH}.parquet"
OUTCOMES = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]
NO_HISTORY = pd.DataFrame()


@st.composite
def _questions(draw):
    """A flight's position in the dataset, and a seed for what is to happen instead after its question."""
    return draw(st.floats(0, 1, exclude_max=True)), draw(st.integers(0, 2**32 - 1))


@settings(max_examples=15, deadline=None, phases=[Phase.generate])  # a seed has nothing to shrink
@given(_questions())
def test_changing_any_event_later_than_the_question_changes_no_feature(question):
    flight_id, before, after = _asked_in_two_futures(question, PROBLEM.features)

    pd.testing.assert_series_equal(_row(before, flight_id), _row(after, flight_id), check_exact=True)


@pytest.mark.parametrize(
    "leak",
    [
        lambda data: data["dep_delay"],
        lambda data: data.groupby("origin")["dep_delay"].transform("mean"),
        lambda data: data.groupby("tailnum")["arr_delay"].shift().where(data["tailnum"].notna()),
    ],
    ids=["the flight's own outcome", "a mean over the whole dataset", "the aircraft's last flight, landed or not"],
)
def test_the_property_catches_a_feature_that_leaks(leak):
    def leaking(history, data):
        return PROBLEM.features(history, data).assign(leak=leak(data).to_numpy())

    def is_seen_by(position: float) -> bool:
        flight_id, before, after = _asked_in_two_futures((position, 1), leaking)
        return not _row(before, flight_id).equals(_row(after, flight_id))

    assert any(map(is_seen_by, np.linspace(0.1, 0.9, 8)))


def test_the_property_catches_weather_that_counts_as_known_when_its_hour_begins():
    landed = few_days(MONTH, 24, 25)
    hour_before = pd.to_datetime(landed.files[WEATHER]["time_hour"], utc=True) - pd.Timedelta(hours=1)
    local = hour_before.dt.tz_convert("America/New_York").dt
    clock = {"time_hour": hour_before.astype("str"), "day": local.day, "hour": local.hour}
    early = landed.files[WEATHER].assign(**clock)
    data = load(landed, MONTH)
    asked = data["asked_at"].iloc[len(data) // 2]
    future = _other_weather(landed.files[WEATHER], asked, np.random.default_rng(0))
    future_early = future.assign(**clock)

    before = load(landed.changed(WEATHER, early), MONTH)
    after = load(landed.changed(WEATHER, future_early), MONTH)

    asked_then = data["asked_at"] == asked
    assert not before[asked_then]["temp"].equals(after[asked_then]["temp"])


def test_the_other_future_differs_wherever_it_may():
    flight_id, before, after = _asked_in_two_futures((0.5, 1), PROBLEM.features)
    later = before["asked_at"] > before["asked_at"][before["flight_id"] == flight_id].item() + pd.Timedelta(hours=6)

    changed = (before[later] != after[later]).any(axis=None)
    n_changed = (before.loc[later, "origin_departed_1h_delay"] != after.loc[later, "origin_departed_1h_delay"]).mean()

    assert changed
    assert n_changed > 0.9


def _asked_in_two_futures(question, features):
    """One flight's name, and all features in the real future and in another one after that flight's question."""
    position, seed = question
    landed, data = _as_it_was()
    flight = data.iloc[int(position * len(data))]
    other = load(_other_future(landed, data, flight, np.random.default_rng(seed)), MONTH)
    return flight["flight_id"], _named(features, data), _named(features, other)


@lru_cache(maxsize=1)
def _as_it_was():
    landed = few_days(MONTH, 24, 25)
    return landed, load(landed, MONTH)


def _named(features, data):
    return features(NO_HISTORY, data).assign(flight_id=data["flight_id"], asked_at=data["asked_at"])


def _row(features, flight_id):
    return features[features["flight_id"] == flight_id].iloc[0]


def _other_future(landed: Landed, data: pd.DataFrame, flight: pd.Series, rng: np.random.Generator) -> Landed:
    """The same past up to the question about ``flight``, and anything after it."""
    asked = flight["asked_at"]
    raw = landed.files[FLIGHTS].copy()
    name = _flight_ids(raw)
    scheduled = pd.to_datetime(raw["time_hour"]) + pd.to_timedelta(raw["minute"], unit="m")
    departed = scheduled + pd.to_timedelta(raw["dep_delay"], unit="m")
    wheels_down = departed + pd.to_timedelta(raw["air_time"], unit="m")  # before which no flight can have landed
    landed_at = data.set_index("flight_id")["landed_at"].reindex(name).reset_index(drop=True)
    on_the_ground = ~(departed <= asked)
    unknown = ~((wheels_down <= asked) & (landed_at <= asked))
    raw = _other_departures(raw, on_the_ground.to_numpy(), scheduled, asked, rng)
    raw = _other_arrivals(raw, unknown.to_numpy(), asked - scheduled, rng)
    others = on_the_ground.to_numpy() & (name != flight["flight_id"]).to_numpy()
    raw.loc[others, "tailnum"] = rng.permutation(raw.loc[others, "tailnum"].to_numpy())
    weather = _other_weather(landed.files[WEATHER], asked, rng)
    return landed.changed(FLIGHTS, raw).changed(WEATHER, weather)


def _other_departures(raw, on_the_ground, scheduled, asked, rng):
    """Flights that had not left leave at any later minute, or never."""
    earliest = np.maximum((asked - scheduled).dt.total_seconds().to_numpy() / 60 + 1, -30)
    delay = np.where(rng.random(len(raw)) < 0.2, np.nan, earliest + rng.integers(0, 600, len(raw)))
    raw.loc[on_the_ground, "dep_delay"] = delay[on_the_ground]
    raw.loc[on_the_ground, "dep_time"] = np.where(np.isnan(delay), np.nan, 1200.0)[on_the_ground]
    return raw


def _other_arrivals(raw, unknown, since_scheduled, rng):
    """Flights that had not landed land at any later minute, or never; no flight lands before it was to leave."""
    latest_known = since_scheduled.dt.total_seconds().to_numpy() / 60
    delay = np.maximum(latest_known + 1, 0) + rng.integers(0, 900, len(raw))
    delay = np.where((rng.random(len(raw)) < 0.2) | raw["dep_delay"].isna(), np.nan, delay)
    raw.loc[unknown, "arr_delay"] = delay[unknown]
    raw.loc[unknown, "arr_time"] = np.where(np.isnan(delay), np.nan, 1300.0)[unknown]
    raw.loc[unknown, "air_time"] = np.where(np.isnan(delay), np.nan, rng.integers(20, 600, len(raw)))[unknown]
    return raw


def _other_weather(weather, asked, rng):
    """What was observed in an hour that had not ended when asked may be anything."""
    later = (pd.to_datetime(weather["time_hour"]) + pd.Timedelta(hours=1) > asked).to_numpy()
    changed = weather.copy()
    for column in ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"):
        changed[column] = np.where(later, rng.uniform(1, 100, len(weather)), weather[column])
    return changed


def _flight_ids(raw):
    date = pd.to_datetime(raw[["year", "month", "day"]]).dt.strftime("%Y-%m-%d")
    return date + " " + raw["carrier"] + raw["flight"].astype("str") + " " + raw["origin"]
