"""Outcomes as plain values: whether decisions were right, and how often what was promised came true."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest

from ml_assets.evaluation.audit import (
    Outcome,
    came_next,
    first_of_each,
    in_short,
    reliability,
    share_interval,
    side_by_side,
)
from ml_assets.evaluation.checks import no_regret
from ml_assets.evaluation.scored_rows import scored_rows
from ml_assets_tests.evaluation.toy import toy_problem, toy_rows


def found(gain: float | None, half: float | None = 0.01, **more):
    low, high = (None, None) if gain is None or half is None else (gain - half, gain + half)
    return {"metric": "auroc", "unit": "1", "rows": 400, "gain": gain, "low": low, "high": high, **more}


def move(number: int, gain: float | None, *, half: float | None = 0.01, promised: float = 0.97, **changes) -> Outcome:
    known = {
        "partition": "2024-03",
        "line": None,
        "how": "decision",
        "move": f"main {number}",
        "as_of": "2024-02",
        "challenger": "new",
        "champion": "old",
        "promise": found(0.02, 0.015, confidence=promised),
        "found": found(gain, half),
    }
    return Outcome(**{**known, **changes})


def refusal(gain: float, as_of: str = "2024-02") -> Outcome:
    return move(0, gain, move="", how="cannot_tell", promise={}, as_of=as_of)


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (move(1, 0.02), "right"),
        (move(1, -0.02), "wrong"),
        (move(1, -0.005), "cannot tell"),
        (move(1, None), "cannot tell"),
        (move(1, -0.02, half=None), "cannot tell"),
        (refusal(0.02), "wrong"),
        (refusal(-0.02), "right"),
    ],
)
def test_a_move_is_right_if_its_model_is_better_beyond_chance_and_a_refusal_if_it_is_worse(outcome, verdict):
    assert outcome.verdict == verdict
    assert outcome.is_regretted == (verdict == "wrong" and outcome.is_move)
    assert no_regret([outcome]).passed == (not outcome.is_regretted)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (move(1, 0.0, promised=0.999), "promised with 0.99 or more"),
        (move(1, 0.0, promised=0.95), "promised with 0.95 or more"),
        (move(1, 0.0, promised=0.9), "promised with less than 0.95"),
        (move(1, 0.0, how="promotion", promise={}), "moved without a promise"),
        (move(1, 0.0, how="approval"), "promised with 0.95 or more"),
        (move(1, 0.0, promise=found(0.1, confidence=0.99, metric="brier")), "moved without a promise"),
        (refusal(0.0), "refused: cannot tell"),
    ],
)
def test_a_decision_counts_under_what_was_stated_of_the_same_metric(outcome, said):
    assert outcome.said == said


def test_a_promise_holds_where_the_later_gain_differs_by_no_more_than_the_chance_in_both():
    """Of 0.02 ± 0.015 and a later interval of ± 0.01: they may differ by the root of the sum of the squares, 0.018."""
    assert [move(1, gain).held for gain in (0.02, 0.003, 0.037)] == [True, True, True]
    assert [move(1, gain).held for gain in (0.001, 0.039)] == [False, False]
    assert move(1, 0.02, half=None).held is None
    assert refusal(0.02).held is None


def test_each_decision_counts_once_by_the_first_partition_that_tells_of_it():
    later = move(1, -0.3, partition="2024-05")
    other_line = move(1, 0.3, line="EWR")
    outcomes = [later, move(1, 0.02), other_line, refusal(0.1), refusal(0.1, "2024-03")]
    assert len(first_of_each(outcomes)) == 4
    promised, refused = reliability(outcomes)
    assert (promised.decisions, promised.better, promised.right, promised.wrong) == (2, 2, 2, 0)
    assert (promised.told, promised.held) == (2, 1)
    assert (refused.said, refused.decisions, refused.better, refused.wrong) == ("refused: cannot tell", 2, 2, 2)


def test_the_table_in_a_sentence():
    outcomes = [move(n, gain) for n, gain in enumerate((0.02, 0.03, -0.05, 0.01))]
    assert in_short(outcomes) == (
        "3 of 4 moves that were promised to be better were (75 %, 95 % interval 30 % to 95 %); "
        "3 of 4 gained what was promised, but for chance."
    )
    assert in_short([refusal(0.1)]) == ""
    assert reliability([move(1, None)]) == []


def test_what_came_next_is_told_by_the_first_partition_and_counted_over_all():
    outcomes = [move(1, -0.02, partition="2024-04"), move(1, 0.02)]
    assert came_next(outcomes[1:], "main 1", None) == "2024-03: right, better by 0.020, 95 % interval [0.010, 0.030]"
    assert came_next(outcomes, "main 1", None).endswith(" (better in 1 of 2 partitions, worse beyond chance in 1)")
    assert came_next(outcomes, "main 2", None) == ""


@pytest.mark.parametrize(("of", "total"), [(0, 3), (1, 1), (7, 12), (40, 40)])
def test_the_interval_of_a_share_is_wilsons(of, total):
    reference = binomtest(of, total).proportion_ci(method="wilson")
    assert share_interval(of, total) == pytest.approx((reference.low, reference.high))


def test_an_outcome_survives_json():
    assert Outcome.from_json(move(1, None).to_json()) == move(1, None)
    assert math.isnan(Outcome.from_json(move(1, None).to_json()).gain)


def test_answers_of_several_models_lie_side_by_side():
    problem, rows = toy_problem(), toy_rows()
    frames = {who: scored_rows(problem, rows, rows.label * p) for who, p in (("served", 0.9), ("refused", 0.2))}
    both = side_by_side(frames)
    assert [*both] == ["entity", "label", "served", "refused"]
    assert both["refused"].max() == 0.2
