from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.ci.verdict import Score, Verdict, kind_of, no_worse
from ml_assets.evaluation.metrics import AUROC
from ml_assets.problem import Better

BETTER = Better(AUROC)
BY_A_HUNDREDTH = Better(AUROC, by=0.01)


def decided(decision: str, comparison: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"decision": decision, "reasons": ["because"], "comparison": comparison}


def compared(gain: float, confidence: float | None, *, by: float = 0.0, high: float | None = None) -> dict[str, Any]:
    return {"gain": gain, "confidence": confidence, "by": by, "low": None, "high": high}


@pytest.mark.parametrize(
    ("decision", "asked", "holds", "is_known", "kind"),
    [
        (decided("promote", compared(0.02, 0.99)), BETTER, True, False, "better"),
        (decided("promote"), BETTER, True, False, "first"),
        (decided("cannot_tell", compared(0.02, 0.6)), BETTER, True, False, "cannot tell"),
        (decided("keep", compared(-0.02, 0.01)), BETTER, True, False, "worse"),
        (decided("keep", compared(0.005, 0.01, by=0.01, high=0.008)), BY_A_HUNDREDTH, True, False, "not better"),
        (decided("keep", compared(-0.02, 0.01, by=0.01, high=-0.001)), BY_A_HUNDREDTH, True, False, "worse"),
        (decided("keep", compared(-0.02, 0.01)), BETTER, True, True, "same"),
        (decided("keep", compared(0.02, 0.99)), BETTER, True, False, "blocked"),
        (decided("keep"), BETTER, True, False, "blocked"),
        (decided("keep", compared(-0.02, 0.01)), BETTER, False, True, "blocked"),
    ],
    ids=[
        "promoted",
        "promoted, of which there was none",
        "too few rows",
        "worse beyond chance",
        "better, and surely by less than asked",
        "worse, where a gain is asked",
        "main's own model, which a champion beats",
        "rolled back by a person",
        "refused without a comparison",
        "a gate fails",
    ],
)
def test_what_a_decision_means_for_a_change(decision, asked, holds, is_known, kind):
    assert kind_of(decision, asked, gates_hold=holds, is_known=is_known) == kind


@pytest.mark.parametrize(
    ("policy", "failing"),
    [
        ("worse", {"worse", "blocked", "failed"}),
        ("not-better", {"worse", "blocked", "failed", "not better", "cannot tell"}),
        ("never", set()),
    ],
)
def test_what_fails_is_said_by_the_policy(policy, failing):
    kinds = ("better", "first", "same", "cannot tell", "not better", "worse", "blocked", "failed", "nothing")
    assert {kind for kind in kinds if Verdict("p", "1", kind, ("because",)).fails(policy)} == failing


def test_a_model_that_is_as_bad_as_mains_own_is_not_blamed_on_the_change():
    label, noise = np.arange(200) % 2.0, np.random.default_rng(0).random(200)
    rows = pd.DataFrame({"entity": [f"f{n}" for n in range(200)], "label": label})
    good, bad = rows.assign(prediction=0.3 * label + 0.7 * noise), rows.assign(prediction=noise)

    assert no_worse(BETTER, bad, bad).startswith("auroc no better and no worse")
    assert no_worse(BETTER, bad, good) == ""
    assert no_worse(BETTER, bad, bad[:100]) == "", "judged on other rows"


def test_a_score_shows_what_is_undefined_and_what_is_infinite():
    assert [str(Score(0.91234, 0.9, 0.95)), str(Score(None)), str(Score("Infinity"))] == [
        "0.9123 [0.9, 0.95]",
        "–",
        "Infinity",
    ]
