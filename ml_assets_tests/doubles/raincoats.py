"""Will a customer buy a raincoat? A problem that stands on another one: what the umbrellas' champion says is a feature."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ml_assets.problem import Partition, Problem, Shared, Source
from ml_assets_tests.doubles import umbrellas

ASKED = "said"
SHARED = {"predictions": Shared("umbrellas/predictions"), "visits": Shared("umbrellas/dataset")}


def load(partition: Partition, source: Source) -> pd.DataFrame:
    """The umbrellas' visits, with what was predicted for each; a champion that is not there yet says nothing."""
    said = source.table("predictions")[["visit", "prediction"]].rename(columns={"prediction": ASKED})
    return source.table("visits").merge(said, on="visit", how="left")


def schema():
    import pandera.pandas as pa

    return umbrellas.schema().add_columns({ASKED: pa.Column(float, nullable=True)})


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    return umbrellas.features(history, data).assign(said=data[ASKED].fillna(0.5).astype(np.float64))


PROBLEM = replace(
    umbrellas.PROBLEM,
    name="raincoats",
    dataset=load,
    schema=schema,
    features=features,
    files=(),
    sources=SHARED,
    fresh_within_days=None,
)


def sharing(**sources: Shared) -> Problem:
    return replace(PROBLEM, sources=sources)
