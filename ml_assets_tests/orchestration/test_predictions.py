"""Every row scored in bounded memory, and each prediction leads back to what it was made from."""

from __future__ import annotations

import os
import subprocess
import sys

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ml_assets.computation.git import code_identity
from ml_assets.errors import InvalidPrediction
from ml_assets.orchestration.predictions import scored
from ml_assets.store import Handle, digest
from ml_assets_tests.doubles import umbrellas

MONTH = "2024-02"


def test_a_prediction_leads_back_to_model_code_parameters_and_landed_files(finished):
    store = finished.store
    row = finished.load("umbrellas/predictions", MONTH).iloc[7]

    model = store.manifest(store.find(row["model_version"], "umbrellas/model"))
    assert model.params == {"c": 1.0, "shuffle_label": False}
    assert model.seed == 0
    assert code_identity("ml_assets_tests").items() <= model.code.items()
    assert store.environment(model.environment)["packages"]["scikit-learn"]
    (split,) = (store.manifest(read.key) for read in model.inputs if read.name == "split")
    features = [store.manifest(read.key) for read in split.inputs]
    datasets = [store.manifest(read.key) for table in features for read in table.inputs]
    landed = {(file.name, file.digest) for dataset in datasets for file in dataset.landed}
    name = "umbrellas/visits/2024-01.parquet"
    assert landed == {(name, digest(finished.landing.read(name)))}


def test_rows_and_columns_are_told(january):
    result = january.must_run(umbrellas.PROBLEM, MONTH)
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key.path[-1] == "predictions"]
    metadata = event.event_specific_data.materialization.metadata
    assert metadata["dagster/row_count"] == dg.IntMetadataValue(400)
    columns = {column.name: column.type for column in metadata["dagster/column_schema"].schema.columns}
    assert columns == {
        "visit": "str", "at": "datetime64[us, UTC]", "prediction": "float64", "model_version": "str"
    }  # fmt: skip


def test_rows_scored_in_batches_have_the_scores_of_the_whole(finished):
    features = Handle(finished.store, finished.head("umbrellas/features", MONTH), "features")
    model = Handle(finished.store, finished.head("umbrellas/model", "2024-01"), "champion")
    whole = finished.load("umbrellas/predictions", MONTH)
    batches = list(scored(umbrellas.PROBLEM, finished.store, features, model, rows=150))
    assert [len(batch) for batch in batches] == [150, 150, 100]
    pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), whole)


def test_a_prediction_that_is_none_is_named_by_its_row_in_the_whole(finished):
    features = Handle(finished.store, finished.head("umbrellas/features", MONTH), "features")
    model = Handle(finished.store, finished.head("umbrellas/model", "2024-01"), "champion")
    table = finished.load("umbrellas/features", MONTH).features

    def gives_up_at_203(model, rows):
        return np.where(rows["clouds"] == table["clouds"][203], np.nan, 0.5)

    problem = umbrellas.with_predict(gives_up_at_203)
    with pytest.raises(InvalidPrediction, match="The prediction of row 203 is nan"):
        list(scored(problem, finished.store, features, model, rows=100))


@pytest.mark.slow
def test_ten_times_the_rows_take_hardly_more_memory(tmp_path):
    def growth(batch: int) -> int:
        """Bytes that a million rows take more than 100,000, scored so many at a time, in a program of its own."""
        program = [sys.executable, "-m", "ml_assets_tests.orchestration.predicting"]
        arguments = [str(tmp_path / str(batch)), str(batch), "100000", "1000000"]
        nothing_kept = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}  # by threads for later
        environment = {**os.environ, **nothing_kept}
        done = subprocess.run([*program, *arguments], check=True, capture_output=True, text=True, env=environment)
        few, many = map(int, done.stdout.split())
        return many - few

    assert growth(batch=20_000) < growth(batch=1_000_000) / 4
