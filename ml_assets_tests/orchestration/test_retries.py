"""Who is to blame for an attempt that came to nothing, and whether there is another."""

from __future__ import annotations

import sys

import dagster as dg
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from ml_assets.errors import (
    Diverged,
    FeatureMismatch,
    Interrupted,
    InvalidParams,
    MlAssetsError,
    NoGpu,
    Pruned,
    StoreUnreachable,
)
from ml_assets.orchestration.retries import (
    MACHINE_LIMIT,
    Again,
    Cause,
    GiveUp,
    cause_of,
    cause_of_error,
    decide,
    may_pass,
)
from ml_assets.problem import Compute

OWN, MACHINE = Cause.OWN, Cause.MACHINE


@pytest.mark.parametrize(
    ("causes", "retries", "goes_on"),
    [
        ([OWN], 0, False),
        ([OWN], 1, True),
        ([OWN, OWN], 1, False),
        ([MACHINE], 0, True),
        ([MACHINE] * (MACHINE_LIMIT - 1), 0, True),
        ([MACHINE] * MACHINE_LIMIT, 9, False),
        ([MACHINE, OWN, MACHINE], 1, True),
        ([MACHINE, MACHINE, OWN], 1, True),
        ([OWN, MACHINE, MACHINE, OWN], 1, False),
    ],
)
def test_what_machines_do_uses_up_no_retries_of_a_training(causes: list[Cause], retries: int, goes_on: bool):
    decision = decide(causes, Compute(retries=retries))
    assert isinstance(decision, Again if goes_on else GiveUp)
    assert decision.why


def test_the_waits_grow_and_have_an_end():
    waits = []
    for failures in range(1, MACHINE_LIMIT):
        decision = decide([MACHINE] * failures, Compute())
        assert isinstance(decision, Again)
        waits.append(decision.wait_seconds)
    assert waits == sorted(waits)
    assert waits[0] < waits[1]
    assert waits[-1] == waits[-2] <= 600


def test_why_it_is_given_up_is_said_with_numbers():
    assert decide([OWN, OWN], Compute(retries=1)) == GiveUp("It failed by itself 2 times; compute.retries allows once.")


@pytest.mark.parametrize(
    "error", [ConnectionError(), ValueError(), RuntimeError("CUDA error"), StoreUnreachable(), Interrupted()], ids=repr
)
def test_what_may_pass_is_worth_another_attempt(error: Exception):
    assert may_pass(error)


@pytest.mark.parametrize(
    "error",
    [
        FeatureMismatch(),
        InvalidParams(),
        Diverged(),
        Pruned(),
        NoGpu(),
        MlAssetsError(),
        dg.Failure(),
        dg.RetryRequested(),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_stays_as_it_is_is_not(error: BaseException):
    assert not may_pass(error)


@pytest.mark.parametrize(
    ("error", "cause"),
    [(Interrupted(), MACHINE), (StoreUnreachable(), MACHINE), (ValueError(), OWN)],
    ids=["stop", "store", "own"],
)
def test_events_of_a_run_say_the_same_of_a_cause_as_the_error_itself(error: Exception, cause: Cause):
    assert cause_of_error(error) is cause
    try:
        raise dg.RetryRequested(3) from error
    except dg.RetryRequested:
        told = serializable_error_info_from_exc_info(sys.exc_info())
    assert cause_of(told) is cause
