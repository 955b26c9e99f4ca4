"""A parameter of a command: declared, typed, with a default, and checked before anything runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ml_assets.errors import InvalidParams

Type = Literal["string", "integer", "float", "flag"]
Repeats = Literal["", "repeat", "separate"]
Atom = str | int | float | bool
Value = Atom | tuple[Atom, ...] | None
TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "float": (float, int), "flag": (bool,)}


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        name: as the command knows it.
        type: what its values are.
        default: what it is where nobody gives it; None: it must be given, or is ``optional``.
        min, max: of numbers.
        choices: the only values that it may have; none: any.
        optional: whether it may have no value; then nothing is passed.
        multiple: whether it has several values, and how they are passed: ``repeat`` as an argument each, ``separate`` as
            one argument with ``separator`` between them.
        pass_as: how a value is passed, words with ``{name}`` and ``{value}``; a flag that is true, too.
        pass_false_as: how a flag that is false is passed; empty: not at all.
    """

    name: str
    type: Type = "string"
    default: Value = None
    min: float | None = None
    max: float | None = None
    choices: tuple[Atom, ...] = ()
    optional: bool = False
    multiple: Repeats = ""
    separator: str = ","
    pass_as: str = ""
    pass_false_as: str = ""

    def faults(self) -> list[str]:
        """What makes no sense in it, each as a sentence."""
        if self.type not in get_args(Type):
            return [f"the parameter {self.name!r} has the type {self.type!r}; there are {', '.join(get_args(Type))}."]
        faults = [f"the parameter {self.name!r} has {fault}" for fault in self._faults_of_limits()]
        faults += [] if self.default is None else [f"the default of {fault}" for fault in self._faults_of(self.default)]
        return faults or [f"the parameter {self.name!r}: {fault}" for fault in self._faults_of_passing()]

    def checked(self, value: Any) -> Value:
        """The value, as it is passed.

        Raises:
            InvalidParams: if it is of another type, or not among those that it may have.
        """
        given = tuple(value) if self.multiple and isinstance(value, list | tuple) else value
        for fault in self._faults_of(given):
            raise InvalidParams(f"The parameter {fault}")
        return given

    def arguments(self, value: Value) -> list[str]:
        """The words by which a command is told a value that was checked."""
        if value is None:
            return []
        if self.type == "flag":
            words = (self.pass_as or "--{name}") if value else self.pass_false_as
            return self._words(words, str(bool(value)).lower())
        given = [_text(atom) for atom in (value if isinstance(value, tuple) else (value,))]
        if self.multiple == "separate":
            given = [self.separator.join(given)] if given else []
        return [word for one in given for word in self._words(self.pass_as or "--{name}={value}", one)]

    def text(self, value: Value) -> str:
        """The value alone, as text."""
        if isinstance(value, tuple):
            return self.separator.join(map(_text, value))
        return "" if value is None else _text(value)

    def _words(self, passed: str, value: str) -> list[str]:
        return [word.format(name=self.name, value=value, v=value) for word in passed.split()]

    def _faults_of_limits(self) -> Iterator[str]:
        if (self.min is not None or self.max is not None) and self.type not in ("integer", "float"):
            yield f"min or max, which are of numbers, and the type {self.type}."
        if self.min is not None and self.max is not None and self.min > self.max:
            yield f"min {self.min} above max {self.max}."
        if self.multiple not in get_args(Repeats) or (self.multiple and self.type == "flag"):
            yield f"multiple={self.multiple!r}; it is 'repeat' or 'separate', and not of flags."
        if odd := [one for one in self.choices if not self._is_of_type(one)]:
            yield f"the choice {odd[0]!r}, which is no {self.type}."

    def _faults_of(self, value: Any) -> Iterator[str]:
        if value is None and not self.optional:
            yield f"{self.name!r} has no value. Give one, or a default."
        if self.multiple and not isinstance(value, tuple | None):
            yield f"{self.name!r} takes several values; {value!r} is no list."
        elif value is not None:
            for atom in value if isinstance(value, tuple) and self.multiple else (value,):
                yield from self._faults_of_atom(atom)

    def _faults_of_atom(self, atom: Any) -> Iterator[str]:
        if not self._is_of_type(atom):
            yield f"{self.name!r} is {atom!r}, which is no {self.type}."
        elif self.min is not None and atom < self.min:
            yield f"{self.name!r} is {atom!r}, below its min {self.min}."
        elif self.max is not None and atom > self.max:
            yield f"{self.name!r} is {atom!r}, above its max {self.max}."
        elif self.choices and atom not in self.choices:
            yield f"{self.name!r} is {atom!r}, none of its choices {', '.join(map(repr, self.choices))}."
        elif isinstance(atom, str) and "\0" in atom:
            yield f"{self.name!r} is {atom!r}; no program can be given the character NUL."

    def _faults_of_passing(self) -> Iterator[str]:
        for passed in (self.pass_as, self.pass_false_as):
            try:
                self._words(passed, "")
            except (LookupError, ValueError, AttributeError) as error:
                yield f"pass_as {passed!r} cannot be filled in ({error}): it has {{name}} and {{value}} alone."

    def _is_of_type(self, atom: Any) -> bool:
        is_truth = isinstance(atom, bool)
        return (
            isinstance(atom, TYPES[self.type])
            and is_truth == (self.type == "flag")
            and not (isinstance(atom, float) and not math.isfinite(atom))
        )


def _text(atom: Atom) -> str:
    return str(atom).lower() if isinstance(atom, bool) else str(atom)
