"""One answer counts for each row: the last that was given before its outcome was known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from ml_assets.monitoring.served import busiest, served
from ml_assets.problem import FeatureTable
from ml_assets_tests.doubles import umbrellas

END = pd.Timestamp("2024-03-01", tz="UTC")
ROWS = FeatureTable(
    pd.DataFrame({"visit": [1, 2, 3, 4], "known": pd.to_datetime(["2024-02-10", "2024-02-10", None, None], utc=True)}),
    pd.DataFrame({"clouds": [0.0, 0.0, 0.0, 0.0]}),
    np.array([1.0, 0.0, 1.0, np.nan]),
)
BATCH = pd.DataFrame({"visit": [1, 2, 3, 4], "prediction": [0.1, 0.2, 0.3, 0.4], "model_version": "ours"})
PROBLEM = replace(umbrellas.PROBLEM, label_time="known")


def answers(*rows: tuple[str, str, float, str]) -> pd.DataFrame:
    """Of entity, day of February, prediction and model."""
    frame = pd.DataFrame(rows, columns=["entity", "answered_at", "prediction", "model_version"])
    return frame.assign(answered_at=pd.to_datetime("2024-02-" + frame["answered_at"], utc=True))


def test_the_last_answer_before_the_outcome_was_known_counts():
    said = answers(
        ("1", "09", 0.8, "ours"), ("1", "08", 0.7, "ours"), ("1", "11", 0.9, "ours"), ("2", "11", 0.9, "ours")
    )
    found = served(PROBLEM, ROWS, BATCH, said, model="ours", batch_by="ours", until=END)
    assert found.prediction.tolist() == [0.8, 0.2, 0.3, 0.4]
    assert found.over_http.tolist() == [True, False, False, False]


def test_without_a_time_of_the_outcome_the_partition_ends_it():
    said = answers(("3", "28", 0.8, "ours"), ("9", "28", 0.8, "ours"))
    late = said.assign(answered_at=END)
    found = served(PROBLEM, ROWS, BATCH, pd.concat([said, late]), model="ours", batch_by="ours", until=END)
    assert found.prediction.tolist() == [0.1, 0.2, 0.8, 0.4]


def test_what_another_model_answered_last_is_left_out():
    said = answers(
        ("3", "01", 0.8, "ours"), ("3", "02", 0.9, "theirs"), ("4", "02", 0.9, "theirs"), ("4", "03", 0.6, "ours")
    )
    found = served(PROBLEM, ROWS, BATCH, said, model="ours", batch_by="ours", until=END)
    assert found.by_others.tolist() == [False, False, True, False]
    assert found.prediction.tolist() == [0.1, 0.2, 0.3, 0.6]


def test_features_are_those_that_the_model_was_given():
    said = answers(("3", "01", 0.8, "ours"), ("4", "02", 0.9, "theirs")).assign(feature_clouds=[7.0, 9.0])
    found = served(PROBLEM, ROWS, BATCH, said, model="ours", batch_by="ours", until=END)
    assert found.features["clouds"].tolist() == [0.0, 0.0, 7.0, 0.0]
    assert served(PROBLEM, ROWS, BATCH, said.head(0), model="ours", batch_by="ours", until=END).features.equals(
        ROWS.features
    )


def test_a_category_that_only_requests_have_is_one_of_the_features():
    rows = replace(ROWS, features=pd.DataFrame({"shop": pd.Categorical(["east"] * 4)}))
    said = answers(("1", "01", 0.8, "ours")).assign(feature_shop=pd.Categorical(["moon"]))
    found = served(PROBLEM, rows, BATCH, said, model="ours", batch_by="ours", until=END)
    assert found.features["shop"].tolist() == ["moon", "east", "east", "east"]


def test_the_model_that_gave_most_of_the_answers_that_count_is_watched():
    said = answers(("3", "01", 0.8, "before"), ("4", "02", 0.9, "before"), ("1", "11", 0.9, "late"))
    whose = {"batch_by": "ours", "until": END}
    assert busiest(PROBLEM, ROWS, said, **whose) == "ours"  # in case of a draw
    assert busiest(PROBLEM, ROWS, pd.concat([said, answers(("2", "01", 0.7, "before"))]), **whose) == "before"
    assert busiest(PROBLEM, ROWS, said.head(0), **whose) == "ours"


def test_of_another_model_than_that_of_the_batch_only_what_it_answered_counts():
    said = answers(("1", "01", 0.5, "before"), ("3", "01", 0.8, "before"), ("4", "02", 0.9, "before"))
    found = served(PROBLEM, ROWS, BATCH, said, model="before", batch_by="ours", until=END)
    assert found.by_others.tolist() == [False, True, False, False]
    assert found.prediction[~found.by_others].tolist() == [0.5, 0.8, 0.9]
