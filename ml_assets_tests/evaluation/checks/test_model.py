from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.evaluation.checks import gates_hold, reloads_identically
from ml_assets.evaluation.judge import GateVerdict

PASSED = GateVerdict("auroc", "at least", 0.64, 0.58, passed=True)
FAILED = GateVerdict("mae", "at most", 14.2, 12.0, passed=False, unit="minutes")
FEATURES = pd.DataFrame({"x": [1.0, 2.0, 3.0]})


def test_gates_that_hold_are_listed():
    found = gates_hold([PASSED])
    assert found.passed
    assert found.description == "auroc 0.640 passes its gate: at least 0.580 is required."


def test_a_failed_gate_is_red_and_does_not_block():
    found = gates_hold([PASSED, FAILED])
    assert (found.name, found.passed, found.blocking) == ("gates", False, False)
    assert found.description == (
        "mae 14.200 minutes fails its gate: at most 12.000 minutes is required. It will not be promoted."
    )
    assert len(found.metadata["gates"]) == 2


def answer(model, features):
    """A model that is its own predictions."""
    return model


def test_a_model_that_answers_the_same_bits_passes_even_with_nan():
    prediction = np.array([0.5, np.nan, -0.0])
    assert reloads_identically(answer, prediction, prediction.copy(), FEATURES).passed


@pytest.mark.parametrize(
    ("reloaded", "words"),
    [
        (np.array([0.5, np.nextafter(0.25, 1), 0.0]), "1 of 3 predictions of the stored model are not those"),
        (np.array([0.5, 0.25, -0.0]), "1 of 3 predictions"),
        (np.array([0.5, 0.25, 0.0], dtype=np.float32), "answers float64 (3,), the stored one float32 (3,)"),
        (np.array([0.5, 0.25]), "answers float64 (3,), the stored one float64 (2,)"),
        (np.array([[0.5], [0.25], [0.0]]), "the stored one float64 (3, 1)"),
    ],
    ids=["last bit", "sign of zero", "type", "rows", "shape"],
)
def test_a_model_that_answers_otherwise_after_it_was_stored_is_refused(reloaded, words):
    found = reloads_identically(answer, np.array([0.5, 0.25, 0.0]), reloaded, FEATURES)
    assert (found.name, found.passed, found.blocking) == ("reloads", False, True)
    assert words in found.description


def test_probabilities_of_several_classes_are_compared_by_row():
    trained = np.full((3, 4), 0.25)
    stored = trained.copy()
    stored[1] = 0.3
    assert "1 of 3 predictions" in reloads_identically(answer, trained, stored, FEATURES).description
