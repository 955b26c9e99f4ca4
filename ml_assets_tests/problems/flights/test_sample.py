from __future__ import annotations

import pandas as pd
import pytest

from ml_assets.errors import NotLanded
from ml_assets.problems.flights import GROUP
from ml_assets.problems.flights.sample import sample_files


def test_the_sample_has_all_flights_of_twelve_months_once():
    months = GROUP.partitions.keys()
    flights = [sample_files(month)[f"{month}.parquet"] for month in months]

    assert len(months) == 12
    assert sum(map(len, flights)) == 336_776
    assert not pd.concat(flights).duplicated(["year", "month", "day", "carrier", "flight", "origin"]).any()


def test_what_does_not_change_lands_the_same_each_month():
    first, second = sample_files("2013-01"), sample_files("2013-02")

    for name in ("planes.parquet", "airports.parquet"):
        pd.testing.assert_frame_equal(first[name], second[name])


def test_a_month_without_data_is_refused():
    with pytest.raises(NotLanded, match=r"nothing of '2014-01'.*2013-01 to 2013-12"):
        sample_files("2014-01")
