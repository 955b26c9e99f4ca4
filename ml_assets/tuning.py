"""How a problem's parameters, or its whole training, are found by trying, instead of written down.

To be imported from ``ml_assets.problem``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from ml_assets.compute import Compute
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


@dataclass(frozen=True)
class Candidate:
    """One of several trainings of a problem, of which the best becomes its model.

    What it does not say is as in the problem: ``Candidate()`` is the problem's own training, ``Candidate(params=…)`` the same
    with other parameters. All answer by the problem's ``predict``, which may look at what it is given (``isinstance``).

    Attributes:
        train: as ``Problem.train``.
        params: as ``Problem.params``, a dataclass of any type.
        compute: as ``Problem.compute``.
    """

    train: Callable[..., Any] | None = None
    params: Any = None
    compute: Compute | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """The fields of the problem that it says otherwise."""
        said = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in said.items() if value is not None}

    def counts(self) -> dict[str, Any]:
        """What of it counts: also which function it trains by, whose code alone does not say which candidate has it."""
        train = self.train if _is_instance_of_dataclass(self.train) else getattr(self.train, "__qualname__", "")
        return {"train": train, "params": self.params, "compute": self.compute}


RESERVED = "best"  # the name of the step that chooses among them


def faults_of_candidates(candidates: Mapping[str, Candidate]) -> list[str]:
    """What makes no sense of these candidates, each as a sentence that says what to do."""
    if len(candidates) < 2:
        return ["of a single candidate there is nothing to choose: name two or more. The problem's own is Candidate()."]
    odd = [name for name in candidates if not name.isidentifier() or name != name.lower() or "__" in name]
    faults = [f"the candidate {name!r} is no lower-case name such as 'trees': it names a step." for name in odd]
    if RESERVED in candidates:
        faults.append(f"no candidate is called {RESERVED!r}: which is best is found. Call it by what it is.")
    for name, one in candidates.items():
        if not isinstance(one, Candidate):
            faults.append(f"the candidate {name!r} is {one!r}; write Candidate(train=…, params=…).")
        elif one.params is not None and not _is_instance_of_dataclass(one.params):
            faults.append(f"the params of the candidate {name!r} must be an instance of a frozen dataclass.")
    if not faults and all(one.train for one in candidates.values()):
        faults.append("no candidate has the problem's own train: take it from the one that is to be its default.")
    return faults


def _is_instance_of_dataclass(value: object) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


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
