"""When a new model is trained."""

from __future__ import annotations

import pytest

from ml_assets.drift.decision import Retrain, Wait, decide
from ml_assets.errors import InvalidProblem
from ml_assets.problem import RetrainWhen

PATIENT = RetrainWhen(new_partition=False, older_than_days=30)

CASES = {
    "a partition landed": (RetrainWhen(), {"model_age_days": 1.0, "landed": "2024-03"}, Retrain, "2024-03 landed."),
    "a partition landed, and the models are young enough": (
        PATIENT, {"model_age_days": 29.0, "landed": "2024-03"}, Wait, "made 29.0 days ago; 30 are allowed",
    ),
    "a partition landed, and the models are old": (
        PATIENT, {"model_age_days": 31.0, "landed": "2024-03"}, Retrain, "made 31.0 days ago; 30 are allowed",
    ),
    "a partition landed again that a model was made from": (
        PATIENT, {"model_age_days": 1.0, "landed": "2024-03", "has_model": True}, Retrain, "2024-03 landed again",
    ),
    "a partition landed, and there is no model at all": (
        PATIENT, {"model_age_days": None, "landed": "2024-03"}, Retrain, "There is no model yet",
    ),
    "nothing landed, and the models are old": (RetrainWhen(older_than_days=7), {"model_age_days": 7.1}, Retrain, "7.1 days"),
    "nothing landed, and the models are as old as they may be": (
        RetrainWhen(older_than_days=7), {"model_age_days": 7.0}, Wait, "7 are allowed",
    ),
    "nothing landed, and models may be of any age": (RetrainWhen(), {"model_age_days": 999.0}, Wait, "asks for no new model"),
    "nothing landed, and there is no model": (PATIENT, {"model_age_days": None}, Wait, "no model that could grow old"),
}  # fmt: skip


@pytest.mark.parametrize(("when", "seen", "decided", "reason"), CASES.values(), ids=CASES)
def test_deciding_to_train(when, seen, decided, reason):
    decision = decide(when, **seen)

    assert type(decision) is decided
    assert reason in " ".join(decision.reasons)


@pytest.mark.parametrize("days", [0, -1])
def test_an_age_is_more_than_nothing(days):
    with pytest.raises(InvalidProblem, match="more than 0 days"):
        RetrainWhen(older_than_days=days)
