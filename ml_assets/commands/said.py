"""What a command says, line by line: metrics, and the last words of one that fails. Pure.

A line of standard output that is a JSON object is metrics: its numbers by name, ``step`` among them for curves. Anything else is
for the log, as it is all of standard error.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

LONGEST_LINE = 1 << 16  # bytes; a longer one is cut there
LAST_LINES = 20  # of those that are told of a failure
LONGEST_LOG = 1 << 22  # characters that are passed on; metrics beyond it count all the same
MOST_NAMES = 200  # of metrics; a program that counts in their names would fill Dagster's database


@dataclass
class Said:
    """Hears lines.

    Attributes:
        log: is given a line for people.
        metrics: is given a step and numbers by name.
        step: the last one that was told.
    """

    log: Callable[[str], None]
    metrics: Callable[[int, dict[str, float]], None]
    step: int = 0
    passed_on: int = 0
    _names: set[str] = field(default_factory=set)
    _last: dict[str, deque[str]] = field(
        default_factory=lambda: {of: deque(maxlen=LAST_LINES) for of in ("stdout", "stderr")}
    )

    def hear(self, stream: str, data: bytes) -> None:
        """A line of a stream; what is no UTF-8 is shown as ``\\xff``."""
        line = data.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if line.strip():
            self._last[stream].append(line)
        numbers = numbers_in(line) if stream == "stdout" else None
        if numbers is None:
            self._pass_on(line)
            return
        step = numbers.pop("step", None)
        self.step = self.step if step is None else int(step)
        if found := {name: value for name, value in numbers.items() if self._is_metric(name)}:
            self.metrics(self.step, found)

    @property
    def last_words(self) -> str:
        """The last lines of standard error; of standard output where there are none."""
        return "\n".join(self._last["stderr"] or self._last["stdout"])

    def _is_metric(self, name: str) -> bool:
        if name != "self" and len(self._names) < MOST_NAMES:
            self._names.add(name)
        return name in self._names

    def _pass_on(self, line: str) -> None:
        if self.passed_on >= LONGEST_LOG:
            return
        self.passed_on += len(line) + 1
        is_full = self.passed_on >= LONGEST_LOG
        self.log("… it says more than is shown: further lines are left out" if is_full else line)


def numbers_in(line: str) -> dict[str, float] | None:
    """The numbers of a JSON object, by name; None if the line is none, or its step is no whole number from 0 on."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    numbers = {name: value for name, one in found.items() if (value := _number(one)) is not None}
    if "step" in found and not _is_step(numbers.get("step")):
        return None
    return numbers


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _is_step(step: float | None) -> bool:
    return step is not None and step.is_integer() and 0 <= step < 1e12  # twelve digits name a checkpoint
