from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import InvalidProblem
from ml_assets.evaluation.comparison import Comparison, WindowScores
from ml_assets.evaluation.judge import GateVerdict
from ml_assets.evaluation.metrics import AVERAGE_PRECISION
from ml_assets.problem import Better
from ml_assets.promotion.decision import CannotTell, Circumstances, Keep, Promote, decide

ASKED = Better(AVERAGE_PRECISION, by=0.0, confidence=0.95)
PASSED = GateVerdict("auroc", "at least", 0.64, 0.58, passed=True)
FAILED = GateVerdict("auroc", "at least", 0.57, 0.58, passed=False)
MEASURED = Comparison(
    metric="average_precision",
    unit="1",
    rows=6301,
    challenger=0.612,
    champion=0.598,
    gain=0.014,
    low=-0.002,
    high=0.031,
    by=0.0,
    confidence=0.93,
)


def measured(**changes) -> Comparison:
    return dataclasses.replace(MEASURED, **changes)


def test_the_first_model_that_passes_its_gates_is_promoted():
    found = decide(gates=[PASSED], promote_when=ASKED, comparison=None)
    assert isinstance(found, Promote)
    assert found.reasons == (
        "The first model: there is no champion to compare with. auroc 0.640 passes its gate: at least 0.580 is required.",
    )


def test_the_first_model_that_fails_a_gate_is_not_promoted():
    found = decide(gates=[PASSED, FAILED], promote_when=ASKED, comparison=None)
    assert found == Keep(("auroc 0.570 fails its gate: at least 0.580 is required.",))


def test_a_gate_of_which_nobody_can_tell_lets_no_model_pass_and_a_failed_one_decides():
    untold = dataclasses.replace(PASSED, passed=False, slice="carrier = 9E", untold="12 rows that judge are of it")
    found = decide(gates=[PASSED, untold], promote_when=ASKED, comparison=measured(confidence=0.99))
    assert isinstance(found, CannotTell)
    assert found.reasons == (
        "auroc of carrier = 9E: cannot tell whether its gate holds, for 12 rows that judge are of it.",
    )
    assert isinstance(decide(gates=[untold, FAILED], promote_when=ASKED, comparison=None), Keep)


def test_a_challenger_that_is_surely_better_is_promoted():
    found = decide(gates=[PASSED], promote_when=ASKED, comparison=measured(confidence=0.95))
    assert isinstance(found, Promote)
    assert found.reasons[0].endswith("confidence 0.95 that it is better reaches the 0.95 that promotion asks.")


def test_a_challenger_that_is_perhaps_better_is_not_promoted_and_the_reason_has_the_numbers():
    found = decide(gates=[PASSED], promote_when=ASKED, comparison=MEASURED)
    assert isinstance(found, CannotTell)
    assert found.reasons == (
        "average_precision 0.612 vs champion 0.598 on the same 6,301 rows: better by 0.014, "
        "95 % interval [-0.002, 0.031]; confidence 0.93 that it is better is under the 0.95 that promotion asks. "
        "The champion stays until more data tells.",
    )


@pytest.mark.parametrize(("confidence", "said"), [(0.0, "under 0.0001"), (0.05, "0.05")])
def test_a_challenger_that_is_surely_not_better_is_refused(confidence, said):
    found = decide(gates=[PASSED], promote_when=ASKED, comparison=measured(gain=-0.02, confidence=confidence))
    assert isinstance(found, Keep)
    assert "worse by 0.020" in found.reasons[0]
    assert found.reasons[0].endswith(f"confidence {said} that it is better: it is not.")


def test_a_required_gain_is_named():
    asked = Better(AVERAGE_PRECISION, by=0.01)
    found = decide(gates=[], promote_when=asked, comparison=measured(by=0.01, confidence=0.6))
    assert "confidence 0.6 that it is better by more than 0.01 is under the 0.95" in found.reasons[0]


@pytest.mark.parametrize(
    ("confidence", "said"), [(0.99999, "above 0.9999"), (0.999, "0.999"), (0.00001, "under 0.0001")]
)
def test_no_confidence_is_written_as_certainty(confidence, said):
    (reason,) = decide(gates=[], promote_when=ASKED, comparison=measured(confidence=confidence)).reasons
    assert f"confidence {said} that it is better" in reason


def test_the_champion_does_not_replace_itself():
    found = decide(gates=[PASSED], promote_when=ASKED, comparison=measured(confidence=1.0), same_content=True)
    assert isinstance(found, Keep)
    assert found.reasons == ("The champion is this very model: the same content under another version.",)


def test_a_champion_that_was_trained_on_the_rows_that_judge_cannot_be_compared_fairly():
    found = decide(gates=[PASSED], promote_when=ASKED, comparison=measured(confidence=1.0), seen_rows=1200)
    assert isinstance(found, CannotTell)
    assert found.reasons[0].startswith("The champion was trained on 1,200 of the 6,301 rows that judge")


def test_nothing_can_be_told_where_the_metric_has_no_value():
    found = decide(gates=[], promote_when=ASKED, comparison=measured(confidence=float("nan"), gain=float("nan")))
    assert isinstance(found, CannotTell)
    assert found.reasons[0].endswith(
        "which is better has no answer. The metric is undefined or infinite there. "
        "The champion stays, unless a person promotes the challenger."
    )


def test_too_few_rows_are_said_with_how_many_are_needed():
    few = measured(
        rows=1, low=float("nan"), confidence=float("nan"), too_few="1 labelled row judges, and a confidence …"
    )
    found = decide(gates=[PASSED], promote_when=ASKED, comparison=few)
    assert isinstance(found, CannotTell)
    assert found.reasons == (
        "average_precision 0.612 vs champion 0.598 on the same 1 row: better by 0.014, no 95 % interval. Too little to tell: "
        "1 labelled row judges, and a confidence …. The champion stays, unless a person promotes the challenger.",
    )


def test_where_nothing_was_compared_no_number_is_said_and_why_more_is_asked_is():
    none = measured(
        rows=0, gain=float("nan"), confidence=float("nan"), too_few="both recipes can be judged on 0 windows"
    )
    found = decide(gates=[], promote_when=ASKED, comparison=none, given=Circumstances(looks=3))
    assert found.reasons == (
        "Too little to tell: both recipes can be judged on 0 windows. More is asked of the best of 3 challengers. "
        "The champion stays, unless a person promotes the challenger.",
    )


@pytest.mark.parametrize(("rows", "kind"), [(0, Promote), (1, CannotTell), (4, CannotTell), (5, Promote)], ids=str)
def test_a_first_model_whose_gates_were_held_on_too_few_rows_is_not_promoted(rows, kind):
    found = decide(gates=[dataclasses.replace(PASSED, rows=rows)], promote_when=ASKED, comparison=None)
    assert isinstance(found, kind)
    if kind is CannotTell:
        assert "at least 5 are needed to hold a gate" in found.reasons[0]


def test_a_first_model_without_gates_is_better_than_none_on_any_rows():
    found = decide(gates=[], promote_when=ASKED, comparison=None)
    assert isinstance(found, Promote)
    assert found.reasons[0].endswith("The problem asks for no gates.")


def test_a_decision_is_plain_json_with_its_numbers():
    found = decide(gates=[], promote_when=ASKED, comparison=measured(low=float("nan")))
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["decision"] == "cannot_tell"
    assert plain["reasons"] == list(found.reasons)
    assert plain["comparison"]["rows"] == 6301
    assert plain["comparison"]["low"] is None


# ---------------------------------------------------------------- what always holds

verdicts = st.lists(st.sampled_from([PASSED, FAILED]), max_size=3)
askings = st.builds(
    Better, st.just(AVERAGE_PRECISION), by=st.floats(0, 0.1), confidence=st.floats(0.5, 0.999, exclude_min=True)
)
gains = st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=20)


def compared(values, by):
    return measured(gain=sum(values), by=by, confidence=sum(v > by for v in values) / len(values))


@given(gates=verdicts, asked=askings, values=gains, same=st.booleans(), seen=st.integers(0, 3), first=st.booleans())
def test_a_model_that_fails_a_gate_is_never_promoted(gates, asked, values, same, seen, first):
    comparison = None if first else compared(values, asked.by)
    found = decide(gates=gates, promote_when=asked, comparison=comparison, same_content=same, seen_rows=seen)
    assert found.reasons
    assert not (isinstance(found, Promote) and FAILED in gates)


@given(asked=askings, values=gains)
def test_two_models_that_swap_places_are_never_both_promoted(asked, values):
    one = decide(gates=[], promote_when=asked, comparison=compared(values, asked.by))
    other = decide(gates=[], promote_when=asked, comparison=compared([-v for v in values], asked.by))
    assert not (isinstance(one, Promote) and isinstance(other, Promote))


@given(asked=askings, low=st.floats(0, 1), high=st.floats(0, 1))
def test_more_confidence_never_turns_a_promotion_into_a_refusal(asked, low, high):
    rank = {Keep: 0, CannotTell: 1, Promote: 2}
    less, more = (
        rank[type(decide(gates=[], promote_when=asked, comparison=measured(by=asked.by, confidence=of)))]
        for of in sorted((low, high))
    )
    assert less <= more


@pytest.mark.parametrize("wrong", [{"confidence": 95}, {"confidence": 1}, {"confidence": 0.5}, {"by": -0.01}], ids=str)
def test_a_rule_by_which_each_of_two_models_could_be_better_is_refused(wrong):
    with pytest.raises(InvalidProblem, match=r"a fraction above 0\.5 and up to 0\.999, such as 0\.95"):
        Better(AVERAGE_PRECISION, **wrong)


# ---------------------------------------------------------------- days, windows, many looks


def test_units_are_said_and_what_would_tell():
    found = decide(gates=[], promote_when=ASKED, comparison=measured(units="7 days", would_tell="24 days"))
    assert "on the same 6,301 rows of 7 days: better by 0.014" in found.reasons[0]
    assert found.reasons[0].endswith(
        "The champion stays: 24 days like these, in all, would tell, if the gain stays as it is."
    )


def test_of_several_challengers_of_the_same_rows_more_is_asked_and_said():
    around = Circumstances(looks=5)
    found = decide(gates=[], promote_when=ASKED, comparison=measured(confidence=0.98), given=around)
    assert isinstance(found, CannotTell)
    assert (
        "is under the 0.99 that promotion asks of the best of 5 challengers that were judged on these rows "
        "(0.95 of one alone; Holm)"
    ) in found.reasons[0]
    assert isinstance(
        decide(gates=[], promote_when=ASKED, comparison=measured(confidence=0.991), given=around), Promote
    )


def test_over_windows_it_is_said_in_how_many_the_recipe_was_better():
    windows = tuple(
        WindowScores(f"2024-{at}", 100, 900, 0.6, 0.5, gain, 0.01, 7) for at, gain in enumerate((0.1, -0.1, 0.1))
    )
    found = decide(
        gates=[], promote_when=ASKED, comparison=measured(confidence=0.96, units="3 windows", windows=windows)
    )
    assert found.reasons[0].startswith(
        "average_precision, mean of 3 windows (2024-0 to 2024-2), 0.612 vs champion 0.598"
    )
    assert ", better in 2 of them; confidence 0.96" in found.reasons[0]


def test_a_better_recipe_whose_model_is_worse_on_the_newest_rows_is_left_to_a_person():
    newest = measured(gain=-0.03, confidence=0.01, units="7 days")
    found = decide(gates=[], promote_when=ASKED, comparison=measured(confidence=0.99), given=Circumstances(1, newest))
    assert isinstance(found, CannotTell)
    assert "but the model itself is not: average_precision" in found.reasons[0]


def test_how_often_the_rule_was_wrong_is_said_with_a_promotion():
    around = Circumstances(false_alarms=" Measured: 2 % of equals.")
    found = decide(gates=[], promote_when=ASKED, comparison=measured(confidence=0.99), given=around)
    assert found.reasons[0].endswith("reaches the 0.95 that promotion asks. Measured: 2 % of equals.")


@pytest.mark.parametrize(("confidence", "said"), [(1.0, "above 0.9999"), (3.5e-05, "under 0.0001"), (0.96, "0.96")])
def test_nobody_is_sure_beyond_four_digits(confidence, said):
    found = decide(gates=[], promote_when=ASKED, comparison=measured(confidence=confidence))
    assert f"confidence {said} that it is better" in found.reasons[0]


def test_of_very_many_challengers_more_is_asked_than_any_test_can_tell():
    around = Circumstances(looks=60)
    found = decide(gates=[], promote_when=ASKED, comparison=measured(confidence=0.999), given=around)
    assert isinstance(found, CannotTell)
    assert "is under the 0.9992 that promotion asks of the best of 60 challengers" in found.reasons[0]
