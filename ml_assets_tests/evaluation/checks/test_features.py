from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.evaluation.checks import features_sound
from ml_assets.problem import FeatureTable

SOUND = pd.DataFrame({"hour": [1, 2, 3], "wind": [0.5, np.nan, 2.0], "carrier": pd.Categorical(["AA", None, "UA"])})


def table(features: pd.DataFrame, label: float = 1.0) -> FeatureTable:
    return FeatureTable(pd.DataFrame(index=features.index), features, np.full(len(features), label))


def test_sound_features_pass_and_their_missing_shares_are_told():
    found = features_sound(table(SOUND), 3)
    assert found.passed
    assert found.metadata["missing"] == {"wind": 0.3333, "carrier": 0.3333}


@pytest.mark.parametrize(
    ("features", "rows", "words"),
    [
        (SOUND, 4, "3 rows of features for 4 rows of data"),
        (SOUND.assign(wind=[1.0, -np.inf, 2.0]), 3, "infinite values in wind"),
        (SOUND.assign(wind=np.nan, carrier=None), 3, "no value at all in wind, carrier"),
        (SOUND.set_axis(["hour", "hour", "carrier"], axis=1), 3, "several columns are called hour"),
    ],
    ids=["row count", "infinite", "empty", "twice"],
)
def test_unsound_features_are_refused_by_name(features, rows, words):
    found = features_sound(table(features), rows)
    assert (found.name, found.passed, found.blocking) == ("features_sound", False, True)
    assert found.description == f"{words}. Mend the features function."


def test_of_many_unsound_features_the_first_are_named_and_the_others_counted():
    names = [f"feature {n:03}" for n in range(300)]
    found = features_sound(table(pd.DataFrame(np.nan, range(3), names)), 3)
    assert "no value at all in feature 000, " in found.description and "feature 019 and 280 more" in found.description
    assert len(found.metadata["missing"]) == 50
    assert "feature 020" not in found.description


def test_a_column_without_any_value_only_warns_where_no_row_can_train():
    found = features_sound(table(SOUND.assign(wind=np.nan), label=np.nan), 3)
    assert (found.passed, found.blocking) == (False, False)
    assert found.description == (
        "no value at all in wind. The rows have no labels yet: they are scored without, and train nothing."
    )


def test_what_no_model_can_use_blocks_also_without_labels():
    found = features_sound(table(SOUND.assign(wind=np.inf, carrier=None), label=np.nan), 3)
    assert (found.passed, found.blocking) == (False, True)
    assert found.description == "infinite values in wind; no value at all in carrier. Mend the features function."
