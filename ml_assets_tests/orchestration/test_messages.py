"""What people are told went wrong."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

import pandas as pd
import pytest
from dagster._core.errors import (
    DagsterExecutionInterruptedError,
    DagsterExecutionStepExecutionError,
    DagsterInvariantViolationError,
)
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster_shared.error import SerializableErrorInfo

from ml_assets.errors import NotLanded
from ml_assets.orchestration.messages import UsersTraceback, message_of

HERE = os.path.relpath(__file__)


def bug() -> None:
    raise ValueError("no such carrier")


def bug_in_a_library() -> None:
    _ = pd.DataFrame({"hour": [1]})["carrier"]


def refusal() -> None:
    raise NotLanded("visits/2024-01.parquet has not landed. Land it.")


def raised(wrong: Callable[[], None]) -> SerializableErrorInfo:
    """As Dagster records it."""
    try:
        try:
            wrong()
        except Exception as error:
            raise DagsterExecutionStepExecutionError(
                "Error occurred while executing op:",
                user_exception=error,
                original_exc_info=sys.exc_info(),
                step_key="s",
                op_name="o",
                op_def_name="o",
            ) from error
    except DagsterExecutionStepExecutionError:
        return serializable_error_info_from_exc_info(sys.exc_info())


@pytest.mark.parametrize("wrong", [bug, bug_in_a_library])
def test_a_bug_is_told_with_the_line_of_the_users_code(wrong: Callable[[], None]):
    line = wrong.__code__.co_firstlineno + 1
    assert message_of(raised(wrong)).endswith(f"({HERE}:{line} in {wrong.__name__})")


def test_an_error_of_ours_speaks_for_itself():
    assert message_of(raised(refusal)) == "NotLanded: visits/2024-01.parquet has not landed. Land it."


def test_an_interruption_that_says_nothing_itself_says_what_to_do():
    kind = DagsterExecutionInterruptedError.__name__
    interrupted = SerializableErrorInfo(f"dagster._core.errors.{kind}\n", [], kind)
    assert message_of(interrupted) == "Interrupted. Start it again: what was done is used again."


def test_where_nothing_is_wrong_nothing_is_told():
    assert message_of(None) == ""


def test_what_stopped_dagster_is_ctrl_c_again_for_who_waits_in_a_terminal():
    with pytest.raises(KeyboardInterrupt), UsersTraceback():
        raise DagsterExecutionInterruptedError


def test_a_traceback_begins_with_the_users_own_line_and_does_not_tell_of_dagsters_error_around_it():
    def as_dagster_does() -> None:
        try:
            raise DagsterInvariantViolationError("around it")
        except DagsterInvariantViolationError:
            bug()

    with pytest.raises(ValueError, match="no such carrier") as caught, UsersTraceback():
        as_dagster_does()
    assert caught.value.__context__ is None
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "bug"
