"""How many minutes after schedule will a flight arrive, and how sure is that? Asked two hours before scheduled departure.

By month and origin, tabular, a network of PyTorch: on a GPU where there is one, in seconds on a processor. It answers with a
median and the interval in which four of five flights should arrive. Every airport is a line of its own, with a champion of
its own. Cancelled and diverted flights are scored, but have no label and never train.

Data: the feature group ``flights``, as flight_delays.
"""

from __future__ import annotations

from dataclasses import replace

from ml_assets.evaluation.metrics import MAE
from ml_assets.evaluation.percentiles import COVERAGE, PINBALL_LOSS
from ml_assets.problem import Better, Compute, Gate, Grid, Monthly, Problem, RetrainWhen, RollingWindow, Shared
from ml_assets.problems.arrival_minutes.dataset import load_arrivals
from ml_assets.problems.arrival_minutes.features import build_features
from ml_assets.problems.arrival_minutes.model import ArrivalModel, NetworkParams, as_network, baseline, predict, train
from ml_assets.problems.flights.schema import schema

MINUTES_LOST = replace(PINBALL_LOSS, unit="minutes")

PROBLEM = Problem(
    name="arrival_minutes",
    task="regression",
    description=__doc__ or "",
    owners=("team:ml",),
    partitions=Grid(
        Monthly(start="2013-01", end="2014-01", zone="America/New_York"), by="origin", values=("EWR", "JFK", "LGA")
    ),
    sources={"flights": Shared("flights/dataset", partition="{month}")},
    dataset=load_arrivals,
    schema=schema,
    minimum_rows=1_000,  # an airport has some 9,000 flights a month
    features=build_features,
    lookback=1,
    entity="flight_id",
    event_time="scheduled_departure",
    label="arr_delay",
    label_time="landed_at",
    split=RollingWindow(partitions=3, test_days=7, validation_days=7),
    train=train,
    predict=predict,
    baseline=baseline,
    params=NetworkParams(),
    metrics=(MINUTES_LOST, replace(MAE, unit="minutes"), COVERAGE),
    slices=("carrier",),
    gates=(
        Gate(MINUTES_LOST, above_baseline_by=0.0),
        # Of 0.8: weeks differ, in the worst storms of 2013 no percentile of the past held.
        Gate(COVERAGE, at_least=0.6),
    ),
    promote_when=Better(MINUTES_LOST, by=0.0, confidence=0.95),
    retrain_when=RetrainWhen(older_than_days=60),
    compute=Compute(cpus=4, memory_gib=8, gpus=1),
    artifact_types=(ArrivalModel,),
    network=as_network,
    fresh_within_days=45,
)
