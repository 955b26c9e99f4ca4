from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance as sklearn_importance
from sklearn.linear_model import LogisticRegression

from ml_assets.evaluation import importance
from ml_assets.evaluation.importance import Importance, permutation_importance
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
    found = permutation_importance(AUROC, ROWS, answer).by_feature
    assert [name for name, _ in found] == ["strong", "weak", "useless"]
    assert dict(found)["useless"] == 0
    expected = sklearn_importance(
        MODEL, FEATURES[["strong", "weak"]], LABEL, scoring="roc_auc", n_repeats=20, random_state=0
    ).importances_mean
    assert [loss for _, loss in found[:2]] == pytest.approx(list(expected), abs=0.03)


def test_a_metric_that_should_be_low_is_lost_by_rising():
    found = dict(permutation_importance(LOG_LOSS, ROWS, answer).by_feature)
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
    assert found.by_feature[0][0] == "self"


def test_rows_without_a_label_do_not_count():
    unknown = np.where(np.arange(1_000) < 400, np.nan, LABEL)
    some = permutation_importance(AUROC, FeatureTable(ROWS.keys, FEATURES, unknown), answer)
    every = permutation_importance(AUROC, ROWS, answer)
    assert dict(some.by_feature)["strong"] == pytest.approx(dict(every.by_feature)["strong"], abs=0.05)
    unknown = FeatureTable(ROWS.keys, FEATURES, np.full(1_000, np.nan))
    assert permutation_importance(AUROC, unknown, answer) == Importance()


def test_an_undefined_metric_has_no_importance():
    assert permutation_importance(AUROC, FeatureTable(ROWS.keys, FEATURES, np.ones(1_000)), answer) == Importance()


def test_any_model_can_be_asked():
    numbers = FeatureTable(ROWS.keys, FEATURES, FEATURES["strong"].to_numpy())
    found = permutation_importance(MAE, numbers, lambda features: features["strong"].to_numpy()).by_feature
    assert found[0][0] == "strong"
    assert found[0][1] > 1


# ---------------------------------------------------------------- many features

WIDE = FeatureTable(
    pd.DataFrame(index=range(60)), pd.DataFrame(RNG.normal(size=(60, 160))).add_prefix("c"), np.zeros(60)
)
LIVES_ON = {"c3": 1.0, "c100": 3.0, "c159": 2.0}
TARGET = FeatureTable(
    WIDE.keys, WIDE.features, sum(by * WIDE.features[name] for name, by in LIVES_ON.items()).to_numpy()
)


def weighed(features: pd.DataFrame) -> np.ndarray:
    return sum(by * features[name] for name, by in LIVES_ON.items()).to_numpy()


def test_of_many_features_those_that_matter_are_found_and_lose_what_they_lose_alone():
    """160 features of 60 rows, and 48 of 160 questions: groups of 27, and then halves of what loses most."""
    found = permutation_importance(MAE, TARGET, weighed, most_cells=48 * WIDE.features.size)
    assert [name for name, loss in found.by_feature if loss > 0] == ["c100", "c159", "c3"]
    every = permutation_importance(MAE, TARGET, weighed, most_cells=160 * WIDE.features.size)
    assert len(every.by_feature) == 160
    assert dict(found.by_feature) == {name: dict(every.by_feature)[name] for name, _ in found.by_feature}


def test_what_was_left_out_is_said_with_what_it_loses_at_most():
    found = permutation_importance(MAE, TARGET, weighed, most_cells=48 * WIDE.features.size)
    count = 160 - len(found.by_feature)
    assert found.left_out.startswith(
        f"{count:,} of 160 features were not shuffled one by one but with their neighbours"
    )
    assert found.left_out.endswith("that lose at most 0.000 of mae.")
    assert permutation_importance(AUROC, ROWS, answer).left_out == ""


@pytest.mark.parametrize("asked", [0, 1, 2, 7, 48, 159, 160], ids=str)
def test_no_more_cells_are_predicted_than_allowed(asked):
    seen: list[int] = []

    def counting(features: pd.DataFrame) -> np.ndarray:
        seen.append(features.size)
        return weighed(features)

    found = permutation_importance(MAE, TARGET, counting, most_cells=asked * WIDE.features.size)
    assert sum(seen[1:]) <= max(1, asked) * WIDE.features.size, "besides the answer to the rows as they are"
    assert bool(found.left_out) == (asked < 160)


def test_where_rows_are_plenty_fewer_of_them_are_asked_before_features_are_left_out():
    rows = FeatureTable(
        pd.DataFrame(index=range(2_000)), pd.DataFrame(RNG.normal(size=(2_000, 30))).add_prefix("c"), np.zeros(2_000)
    )
    seen: list[int] = []

    def counting(features: pd.DataFrame) -> np.ndarray:
        seen.append(len(features))
        return features["c7"].to_numpy()

    found = permutation_importance(MAE, rows, counting, most_cells=700 * 30**2)
    assert (seen[0], len(found.by_feature), found.left_out) == (700, 30, "")


def test_a_group_that_makes_the_metric_undefined_is_neither_halved_nor_said_to_lose_anything():
    def fragile(features: pd.DataFrame) -> np.ndarray:
        moved = not np.array_equal(features["c0"].to_numpy()[:60], WIDE.features["c0"].to_numpy())
        return np.full(len(features), np.nan) if moved else weighed(features)

    found = permutation_importance(MAE, TARGET, fragile, most_cells=8 * WIDE.features.size)
    assert found.left_out.endswith("in 1 group without which mae is undefined.")
