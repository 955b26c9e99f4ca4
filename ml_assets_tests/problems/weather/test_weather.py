from __future__ import annotations

import pandas as pd
import pandera.errors
import pytest

from ml_assets.problems.weather import GROUP
from ml_assets.problems.weather.sample import sample_files
from ml_assets_tests.problems.flights.landing import landed, load

PARTITIONS = GROUP.partitions.keys()
HOUR = pd.Timedelta(hours=1)


@pytest.fixture(scope="module")
def june() -> pd.DataFrame:
    return load(landed("2013-06"), "2013-06", GROUP)


def test_the_sample_has_all_observations_of_twelve_months_once():
    months = [sample_files(month)[f"{month}.parquet"] for month in PARTITIONS]

    assert len(months) == 12
    assert sum(map(len, months)) == 26_115
    assert not pd.concat(months).duplicated(["origin", "time_hour"]).any()


@pytest.mark.parametrize("month", ["2013-01", "2013-02", "2013-03", "2013-11"])
def test_every_real_month_is_valid_and_lies_within_it(month):
    observed, partition = load(landed(month), month, GROUP), GROUP.partitions.partition(month)

    GROUP.schema().validate(observed)
    assert observed["time_hour"].between(partition.start, partition.end, inclusive="left").all()


def test_an_observation_is_known_once_its_hour_has_ended(june):
    assert (june["weather_known_at"] - june["time_hour"] == HOUR).all()


DAMAGES = {
    "an unknown airport": lambda data: data.assign(origin="PHL"),
    "a humidity above 100": lambda data: data.assign(humid=140.0),
    "known before its hour ended": lambda data: data.assign(weather_known_at=data["time_hour"]),
    "an hour twice": lambda data: pd.concat([data, data.tail(1)], ignore_index=True),
    "a lacking column": lambda data: data.drop(columns="precip"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_data_is_refused(june, damage):
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors)):
        GROUP.schema().validate(damage(june), lazy=True)
