"""What a report tells of features survives the store, and is found in evaluations from before there were reports."""

from __future__ import annotations

import json
import math

from ml_assets.evaluation.explanation import Explanation

FOUND = Explanation(
    importance=(("late_before", 0.2), ("hour", -0.01)),
    drift=(("hour", 1.5), ("late_before", 0.0)),
    left_out="1 of 3 features was not shuffled.",
)


def test_importance_and_drift_keep_their_order_through_the_store():
    assert Explanation.from_json(json.loads(json.dumps(FOUND.to_json(), sort_keys=True))) == FOUND


def test_what_is_undefined_or_infinite_is_so_again():
    told = Explanation(importance=(("hour", math.inf),), drift=(("hour", math.nan),))
    again = Explanation.from_json(json.loads(json.dumps(told.to_json(), allow_nan=False)))
    assert again.importance == told.importance
    assert math.isnan(dict(again.drift)["hour"])


def test_an_evaluation_from_before_there_were_reports_tells_it_itself():
    assert Explanation.from_json({"rows": 300, "gates": [], **FOUND.to_json()}) == FOUND


def test_where_nobody_told_anything_nothing_is_known():
    assert Explanation.from_json({"rows": 300}) == Explanation()
