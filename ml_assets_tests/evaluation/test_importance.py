from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance as sklearn_importance
from sklearn.linear_model import LogisticRegression

from ml_assets.evaluation import importance
from ml_assets.evaluation.importance import permutation_importance
from ml_assets.evaluation.metrics import AUROC, LOG_LOSS, MAE
from ml_assets.problem import FeatureTable

RNG = np.random.default_rng(0)
FEATURES = pd.DataFrame(
    {"strong": RNG.normal(size=1_000), "weak": RNG.normal(size=1_000), "useless": RNG.choice(["a", "b"], 1_000)}
)
LABEL = (2 * FEATURES["strong"] + 0.5 * FEATURES["weak"] + RNG.logistic(size=1_000) > 0).to_numpy(dtype=float)
ROWS = FeatureTable(pd.DataFrame(index=range(1_000)), FEATURES, LABEL)
MODEL = LogisticRegression().fit(FEATURES[["strong", "weak"]], LABEL)


def answer(features: pd.DataFrame) -> np.ndarray:
    return MODEL.predict_proba(features[["strong", "weak"]])[:, 1]


def test_features_are_ordered_by_how_much_the_metric_loses_without_them():
    found = permutation_importance(AUROC, ROWS, answer)
    assert [name for name, _ in found] == ["strong", "weak", "useless"]
    assert dict(found)["useless"] == 0
    expected = sklearn_importance(
        MODEL, FEATURES[["strong", "weak"]], LABEL, scoring="roc_auc", n_repeats=20, random_state=0
    ).importances_mean
    assert [loss for _, loss in found[:2]] == pytest.approx(list(expected), abs=0.03)


def test_a_metric_that_should_be_low_is_lost_by_rising():
    found = dict(permutation_importance(LOG_LOSS, ROWS, answer))
    assert found["strong"] > found["weak"] > 0


def test_the_same_rows_give_the_same_importance_and_more_than_asked_are_sampled():
    seen: list[int] = []

    def counting(features: pd.DataFrame) -> np.ndarray:
        seen.append(len(features))
        return answer(features)

    found = permutation_importance(AUROC, ROWS, counting, most_rows=100)
    assert seen == [100, 300], "all shuffled copies are answered at once"
    assert found == permutation_importance(AUROC, ROWS, answer, most_rows=100)
    assert found != permutation_importance(AUROC, ROWS, answer, most_rows=100, seed=1)


def test_many_features_are_answered_in_several_goes_with_the_same_result(monkeypatch):
    whole = permutation_importance(AUROC, ROWS, answer)
    monkeypatch.setattr(importance, "CELLS_AT_ONCE", 2 * FEATURES.size)
    assert permutation_importance(AUROC, ROWS, answer) == whole


def test_types_and_the_table_itself_stay_as_they_are():
    rows = FeatureTable(ROWS.keys, FEATURES.astype({"useless": "category", "weak": "float32"}), LABEL)
    before = rows.features.copy()

    def strict(features: pd.DataFrame) -> np.ndarray:
        assert dict(features.dtypes) == dict(before.dtypes)
        return answer(features)

    permutation_importance(AUROC, rows, strict)
    pd.testing.assert_frame_equal(rows.features, before)


def test_a_feature_may_have_any_name():
    rows = FeatureTable(ROWS.keys, FEATURES.rename(columns={"strong": "self"}), LABEL)
    found = permutation_importance(AUROC, rows, lambda features: answer(features.rename(columns={"self": "strong"})))
    assert found[0][0] == "self"


def test_rows_without_a_label_do_not_count():
    unknown = np.where(np.arange(1_000) < 400, np.nan, LABEL)
    some = permutation_importance(AUROC, FeatureTable(ROWS.keys, FEATURES, unknown), answer)
    assert dict(some)["strong"] == pytest.approx(dict(permutation_importance(AUROC, ROWS, answer))["strong"], abs=0.05)
    assert permutation_importance(AUROC, FeatureTable(ROWS.keys, FEATURES, np.full(1_000, np.nan)), answer) == ()


def test_an_undefined_metric_has_no_importance():
    assert permutation_importance(AUROC, FeatureTable(ROWS.keys, FEATURES, np.ones(1_000)), answer) == ()


def test_any_model_can_be_asked():
    numbers = FeatureTable(ROWS.keys, FEATURES, FEATURES["strong"].to_numpy())
    found = permutation_importance(MAE, numbers, lambda features: features["strong"].to_numpy())
    assert found[0][0] == "strong"
    assert found[0][1] > 1
