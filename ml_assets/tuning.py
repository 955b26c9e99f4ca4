"""How a problem's parameters are searched for, instead of written down.

To be imported from ``ml_assets.problem``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from ml_assets.errors import InvalidProblem

Choice = bool | int | float | str


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; whole numbers where both are.

    Attributes:
        log: whether orders of magnitude are equally likely, as for learning rates.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise InvalidProblem(f"{self}: low must be less than high, and more than 0 where log is true.")

    @property
    def is_whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True)
class Tuning:
    """A search for parameters: trials train on the train rows and are judged on the validation rows by the first metric.

    Rounds of ``parallel`` trials follow each other; what a round tries depends on the rounds before it and on the seed
    alone, so that a search that is made again finds its trials made.

    Attributes:
        space: parameter -> a ``Range``, or a tuple of the values to choose from.
        trials: how many, in all.
        parallel: how many of them at a time.
        prune_on: a metric that the training logs, lower is better: a trial that is worse there than the median of earlier
            ones at the same step is given up; empty: none is.
    """

    space: Mapping[str, Range | tuple[Choice, ...]]
    trials: int = 20
    parallel: int = 4
    prune_on: str = ""

    def __post_init__(self) -> None:
        if not self.space or self.trials < 1 or not 1 <= self.parallel <= self.trials:
            raise InvalidProblem(
                f"{self}: name at least one parameter, and at least one trial, of which 1 to {self.trials} at a time."
            )
        for name, choices in self.space.items():
            if not isinstance(choices, Range) and (not isinstance(choices, tuple) or len(set(choices)) < 2):
                raise InvalidProblem(
                    f"Tuning of {name!r}: give a Range, or a tuple of at least two values, not {choices!r}."
                )


def faults_of(tuning: Tuning, params: Any) -> list[str]:
    """What makes no sense of a search for these parameters, each as a sentence that says what to do."""
    hints, faults = get_type_hints(type(params)), []
    for name, choices in tuning.space.items():
        if name not in hints:
            faults.append(f"tuning searches {name!r}, which is no parameter; known: {', '.join(hints)}.")
            continue
        allowed = get_args(hints[name]) or (hints[name],)
        odd = [value for value in _values(choices) if type(value) not in allowed and not _is_float(value, allowed)]
        if odd:
            faults.append(
                f"tuning tries {odd[0]!r} for the parameter {name}, which is {hints[name]}; give values of that."
            )
    return faults


def _values(choices: Range | tuple[Choice, ...]) -> tuple[Any, ...]:
    return (choices.low, choices.high) if isinstance(choices, Range) else choices


def _is_float(value: object, allowed: tuple[Any, ...]) -> bool:
    return type(value) is int and float in allowed
