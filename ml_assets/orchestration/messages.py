"""What went wrong in a run, in the words that people are told."""

from __future__ import annotations

import os
import re
from pathlib import Path
from traceback import TracebackException
from types import TracebackType

from dagster import DagsterError
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster_shared.error import SerializableErrorInfo

from ml_assets import errors

INTERRUPTED = "Interrupted. Start it again: what was done is used again."

_FRAME = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')
_OURS = str(Path(errors.__file__).parent)
_OTHERS = re.compile(r"/(site|dist)-packages/|/lib/python3\.\d+/|^<")
"""Files of Python and of libraries: what goes wrong in them, goes wrong because of whoever called them."""


def message_of(error: SerializableErrorInfo | None) -> str:
    """What is wrong, without Dagster's wrapping; empty if nothing is.

    Our own errors speak for themselves. Of any other, the line of the user's code it comes from is named.
    """
    if error is None:
        return ""
    while error.cause is not None and (error.cls_name or "").startswith("Dagster"):
        error = error.cause
    if error.cls_name == DagsterExecutionInterruptedError.__name__:
        return INTERRUPTED
    said = error.message.strip().removeprefix("ml_assets.errors.").removeprefix("dagster._core.definitions.events.")
    return said if hasattr(errors, error.cls_name or "") else f"{said}{_where(error)}"


def message_of_raised(error: BaseException) -> str:
    """The same of an exception that is at hand."""
    return message_of(SerializableErrorInfo.from_traceback(TracebackException.from_exception(error)))


def of_users_code(at: TracebackType | None) -> TracebackType | None:
    """A traceback from the first line of the user's code on; all of it where there is none."""
    inner = at
    while inner is not None and not _is_users(inner.tb_frame.f_code.co_filename):
        inner = inner.tb_next
    return inner or at


def _where(error: SerializableErrorInfo) -> str:
    frames = [frame for text in error.stack if (frame := _FRAME.match(text)) and _is_users(frame["file"])]
    if not frames:
        return ""
    file, line, function = frames[-1].group("file", "line", "function")
    near = os.path.relpath(file)
    return f" ({file if near.startswith('..') else near}:{line} in {function})"


def _is_users(file: str) -> bool:
    is_ours = file.startswith(f"{_OURS}/") and not file.startswith(f"{_OURS}/problems/")
    return not is_ours and not _OTHERS.search(file)


class UsersTraceback:
    """Around user code: what she raised shows her lines, not Dagster's; Ctrl-C stays Ctrl-C."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, DagsterExecutionInterruptedError):
            raise KeyboardInterrupt from None
        if error is not None:
            error.__traceback__ = of_users_code(at)
            error.__context__ = None if isinstance(error.__context__, DagsterError) else error.__context__
