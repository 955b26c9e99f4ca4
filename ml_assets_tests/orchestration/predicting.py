"""A program: predicts tables of some sizes, so many rows at a time, and prints its peak memory after each, in bytes."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from ml_assets.orchestration.predictions import scored
from ml_assets.store import Content, Handle, Manifest, Store, VersionKey, open_store
from ml_assets.training.model import TrainedModel
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.world import trust_all

WIDE = [f"x{n}" for n in range(12)]
BATCH = 20_000  # rows that are written at a time


def table(store: Store, rows: int) -> VersionKey:
    """A feature table that never was in memory as a whole."""
    stored = {"features": store.put_batches(known(rows)), "keys": store.put_batches(keys(rows))}
    files = [dataclasses.replace(content.files[0], path=f"{name}/table.parquet") for name, content in stored.items()]
    fields = {name: {"codec": "table", "meta": {}} for name in stored}
    content = Content("record", {"type": "ml_assets.problem:FeatureTable", "fields": fields}, tuple(files))
    return store.commit(Manifest("umbrellas/features", str(rows), content))


def keys(rows: int) -> Iterator[pd.DataFrame]:
    at = pd.date_range("2024", periods=BATCH, freq="s", tz="UTC", unit="us")
    for n in range(0, rows, BATCH):
        yield pd.DataFrame({"visit": [f"visit number {i}" for i in range(n, n + BATCH)], "at": at})


def known(rows: int) -> Iterator[pd.DataFrame]:
    rng = np.random.default_rng(0)
    for _ in range(0, rows, BATCH):
        yield pd.DataFrame(dict(zip(WIDE, rng.normal(size=(len(WIDE), BATCH)), strict=True)))


def half(model: object, features: pd.DataFrame) -> np.ndarray:
    return np.full(len(features), 0.5)


def peak() -> int:
    """Most memory that this program ever held; ``ru_maxrss`` would begin with its parent's."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def main(folder: str, batch: str, *sizes: str) -> None:
    trust_all()
    store, problem = open_store(folder), umbrellas.with_predict(half)
    trained = TrainedModel("constant", tuple(WIDE), ("float64",) * len(WIDE))
    model = store.commit(Manifest("umbrellas/model", None, store.put(trained)))
    for rows in map(int, sizes):
        features = Handle(store, table(store, rows), "features")
        store.put_batches(scored(problem, store, features, Handle(store, model, "champion"), rows=int(batch)))
        print(peak())


if __name__ == "__main__":
    main(*sys.argv[1:])
