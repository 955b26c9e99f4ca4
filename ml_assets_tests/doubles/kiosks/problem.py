"""How much will a kiosk sell today? Two months of a few rows; every function reaches helpers in other files."""

from __future__ import annotations

from dataclasses import dataclass

from ml_assets.evaluation.metrics import MAE, RMSE
from ml_assets.problem import Better, Gate, Monthly, Problem, RollingWindow

from .data import load, schema
from .known import features
from .line import Line, mean_of_train, predict, train


@dataclass(frozen=True)
class LineParams:
    """A straight line, pulled towards flat."""

    ridge: float = 0.5
    note: str = ""

    @property
    def penalty(self) -> float:
        """In the units of the data."""
        return self.ridge


PROBLEM = Problem(
    name="kiosks",
    task="regression",
    partitions=Monthly("2024-01", "2024-04"),
    files=("{partition}.parquet",),
    dataset=load,
    schema=schema,
    features=features,
    lookback=1,
    entity="sale",
    event_time="at",
    label="cones",
    split=RollingWindow(partitions=2, test_days=7, validation_days=7),
    train=train,
    predict=predict,
    baseline=mean_of_train,
    params=LineParams(),
    metrics=(MAE, RMSE),
    slices=("kiosk",),
    gates=(Gate(MAE, above_baseline_by=1.0),),
    promote_when=Better(MAE),
    minimum_rows=20,
    seed=0,
    artifact_types=(Line,),
    owners=("team:kiosks",),
    description=__doc__,
)
