"""Will a flight out of New York arrive 15 or more minutes late? Asked two hours before its scheduled departure.

Monthly, tabular, CPU. From the schedule, the aircraft, the weather last observed and how late the flights before were:
everything as known when asked, nothing that happened later. Cancelled and diverted flights are scored, but have no label
and never train.

Data: the feature group ``flights``, all 336,776 that left EWR, JFK and LGA in 2013, with the weather.
"""

from __future__ import annotations

from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, BRIER, CALIBRATION_ERROR
from ml_assets.problem import Better, Gate, Monthly, Problem, RetrainWhen, RollingWindow, Shared
from ml_assets.problems.flight_delays.dataset import load_flights
from ml_assets.problems.flight_delays.features import build_features
from ml_assets.problems.flight_delays.model import HistGBParams, baseline, predict, train
from ml_assets.problems.flights.schema import schema

PROBLEM = Problem(
    name="flight_delays",
    task="binary",
    description=__doc__ or "",
    owners=("team:ml",),
    partitions=Monthly(start="2013-01", end="2014-01", zone="America/New_York"),
    sources={"flights": Shared("flights/dataset")},
    dataset=load_flights,
    schema=schema,
    minimum_rows=1_000,  # a month has about 28,000 flights
    features=build_features,
    lookback=1,
    entity="flight_id",
    event_time="scheduled_departure",
    label="late",
    label_time="landed_at",
    split=RollingWindow(partitions=3, test_days=7, validation_days=7),
    train=train,
    predict=predict,
    baseline=baseline,
    params=HistGBParams(),
    threads_change_bits=False,  # of trees and answers, as a test shows: histograms are summed in one order
    metrics=(AVERAGE_PRECISION, AUROC, BRIER, CALIBRATION_ERROR),
    slices=("origin", "carrier"),
    gates=(Gate(AUROC, at_least=0.58), Gate(AVERAGE_PRECISION, above_baseline_by=0.02)),
    promote_when=Better(AVERAGE_PRECISION, confidence=0.95, windows=5),
    retrain_when=RetrainWhen(older_than_days=60),
    fresh_within_days=45,
)
