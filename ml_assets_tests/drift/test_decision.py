"""When a new model is trained."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml_assets.drift.decision import Measured, Retrain, Wait, Watched, decide, decide_on
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


CALM = Watched(
    "auroc", True, "2024-03", {"clouds": 0.2}, Measured("2024-02", 0.7, 0.6, 0.8), Measured("2024-03", 0.7, 0.6, 0.8)
)
BAD = replace(CALM, drifted={"clouds": 0.3, "wind": 0.9}, realised=Measured("2024-02", 0.5, 0.4, 0.59))
WATCHES = RetrainWhen(drift_above=0.25, performance_below=0.65, estimated_below=0.6)
ALARMS = {
    "nothing is the matter, for what is below may be so by chance": (WATCHES, CALM, {}, Wait, "", "nothing that the problem"),
    "features have moved, the most moved first": (
        WATCHES, BAD, {}, Retrain, "", "wind has moved by 0.9 in 2024-03; 0.25 is allowed. clouds has moved by 0.3",
    ),
    "the metric is worse beyond chance": (
        WATCHES, BAD, {}, Retrain, "", "auroc is 0.5 in 2024-02 (interval [0.4, 0.59]); 0.65 is asked for.",
    ),
    "it is estimated to be": (
        WATCHES, replace(CALM, estimated=Measured("2024-03", 0.5, 0.4, 0.59)), {}, Retrain, "", "auroc is estimated to be 0.5",
    ),
    "of a metric of which less is better, more is worse": (
        RetrainWhen(performance_below=0.3), replace(BAD, higher_is_better=False), {}, Retrain, "", "auroc is 0.5 in 2024-02",
    ),
    "and less is not": (RetrainWhen(performance_below=0.7), replace(BAD, higher_is_better=False), {}, Wait, "", "nothing"),
    "the problem asks for none of it": (RetrainWhen(older_than_days=3), BAD, {}, Wait, "", "nothing that the problem"),
    "the last one is too recent": (WATCHES, BAD, {"days_since": 6.9}, Wait, "cooldown", "6.9 days ago; 7 must pass"),
    "the last one is long ago": (WATCHES, BAD, {"days_since": 7.0}, Retrain, "", "wind has moved"),
    "it would come out the same": (WATCHES, BAD, {"same": True}, Wait, "same", "would see the same data"),
}  # fmt: skip


@pytest.mark.parametrize(("when", "watched", "more", "decided", "held", "reason"), ALARMS.values(), ids=ALARMS)
def test_deciding_to_train_for_what_monitoring_found(when, watched, more, decided, held, reason):
    decision = decide_on(when, watched, **more)

    assert type(decision) is decided
    assert getattr(decision, "held", "") == held
    assert reason in " ".join(decision.reasons)


@pytest.mark.parametrize("given", [{"drift_above": 0}, {"cooldown_days": -1}], ids=str)
def test_limits_that_make_no_sense_are_refused(given):
    with pytest.raises(InvalidProblem, match="Give"):
        RetrainWhen(**given)
