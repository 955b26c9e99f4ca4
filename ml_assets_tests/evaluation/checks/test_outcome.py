from __future__ import annotations

import pytest

from ml_assets.evaluation.checks import WAIVED, CheckOutcome, waived

LEAK = CheckOutcome("leak", False, True, "level tells the label.", {"limit": 0.95})
REASONS = {"leak": "yesterday's level is known"}


def test_a_waived_check_that_fails_blocks_nothing_and_says_why():
    found = waived(LEAK, REASONS)
    assert (found.passed, found.blocking, found.refuses) == (False, False, False)
    assert found.description == "Waived (yesterday's level is known): level tells the label."
    assert found.metadata == {"limit": 0.95, WAIVED: "yesterday's level is known"}


@pytest.mark.parametrize(
    ("outcome", "reasons"),
    [
        (LEAK, {}),
        (LEAK, {"volume": "a sale"}),
        (CheckOutcome("leak", True, True, "None."), REASONS),
        (CheckOutcome("leak", False, False, "Some."), REASONS),
    ],
    ids=["not waived", "another is", "passed", "blocks nothing anyway"],
)
def test_any_other_outcome_stays_what_it_is(outcome, reasons):
    assert waived(outcome, reasons) is outcome


def test_a_check_that_fails_and_is_not_waived_refuses():
    assert LEAK.refuses
